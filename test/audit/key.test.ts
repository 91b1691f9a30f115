import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { auditKey } from '../../src/audit/key.ts';
import { UserError } from '../../src/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-chatops-key-'));
});
afterEach(() => rm(folder, { recursive: true }));

const store = () => ({ engine: 'sqlite' as const, file: join(folder, 'store.db') });
const file = () => join(folder, 'store.db.audit-key');

test('made once, beside the store, for its owner alone', async () => {
  const made = auditKey(undefined, store(), { create: true });
  expect(made).toHaveLength(32);
  expect(((await stat(file())).mode & 0o777).toString(8)).toBe('600');
  expect(auditKey(undefined, store(), { create: true })).toEqual(made);
  expect(auditKey(undefined, store(), { create: false })).toEqual(made);
});

test('a look makes none', () => {
  expect(auditKey(undefined, store(), { create: false })).toBeUndefined();
});

test('AUDIT_KEY comes first; with PostgreSQL there is no other', () => {
  const variable = 'a key that is long enough, surely';
  expect(auditKey(variable, store(), { create: true })?.toString()).toBe(variable);
  expect(auditKey(undefined, { engine: 'postgres', url: 'postgresql://db' }, { create: true })).toBeUndefined();
});

test('a file that holds no key is told, never its content', async () => {
  await writeFile(file(), 'half a key');
  let told: unknown;
  try {
    auditKey(undefined, store(), { create: true });
  } catch (error) {
    told = error;
  }
  expect(told).toBeInstanceOf(UserError);
  expect(String(told)).not.toContain('half a key');
  expect(await readFile(file(), 'utf8')).toBe('half a key');
});
