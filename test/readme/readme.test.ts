import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { botRoleStatements } from '../cluster/roles.ts';
import { readmeFile, withTable } from './table.ts';

const readme = await readFile(readmeFile, 'utf8');

test('the commands and thresholds are those that the code declares; npm run readme writes them', async () => {
  expect(readme).toBe(await withTable(readme));
});

test('the role in the README is the role that the tests run as', () => {
  const statements = botRoleStatements(17, { user: 'chatops', password: 'choose-one' });
  for (const statement of statements) expect(readme).toContain(`${statement};`);
});
