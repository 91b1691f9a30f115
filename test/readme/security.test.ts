import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';

const root = new URL('../..', import.meta.url);

test('each test that SECURITY.md names is there', async () => {
  const text = await readFile(new URL('SECURITY.md', root), 'utf8');
  const named = [...text.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, name]) => `test/${name}`);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(name => !existsSync(new URL(name, root)))).toEqual([]);
});
