/** Months later: the oldest of the record is forgotten, and what is left can still be verified. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { openOffice } from './office.ts';

const day = 86_400_000;
let ahead = 0;
const office = await openOffice({
  yaml: 'audit_retention_days: 30\n',
  bot: { now: () => Date.now() + ahead },
});
afterAll(() => office.close());

test('the purge is posted, the channel keeps what the store forgot, and the record is whole', async () => {
  const { ada, slack } = office;
  await ada.types('/db help');
  await office.reads('#db-audit', /A-1001 .*\/db help/);
  ahead = 40 * day;
  await office.restart();
  await office.reads('#db-audit', /the bot removed 2 events of the store, up to #2, which were older than 30 days/);
  await ada.types('/db audit --action A-1001');
  await office.reads('#incident', /There is no action A-1001 that you may see/);
  await ada.types('/db audit verify');
  await office.reads('#incident', /The record is whole[\s\S]*Up to #2 the record was purged/);
  await office.reads('#db-audit', /A-1001 .*\/db help/);
  const key = await stat(path.join(office.folder, 'state', 'store.db.audit-key'));
  expect((key.mode & 0o777).toString(8)).toBe('600');
  expect(slack.violations).toEqual([]);
});
