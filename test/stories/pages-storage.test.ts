import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Office, openOffice } from './office.ts';

let office: Office;

beforeAll(async () => {
  office = await openOffice();
  const { admin } = office.database;
  await admin.sql('create table "Invoice Lines" (id int primary key, note text)');
  await admin.sql(`insert into "Invoice Lines" select n, repeat('x', 100) from generate_series(1, 20000) n`);
});
afterAll(async () => {
  await office?.close();
});

test('ada looks for indexes that cost more than they bring, and gets all of them as a file', async () => {
  for (let n = 0; n < 12; n++) {
    await office.database.admin.sql(`create index "by note ${n}" on "Invoice Lines" (note, id)`);
  }
  await office.ada.types('/db indexes --duplicate');
  const answer = await office.reads('#incident', 'Indexes on');
  const [shown] = office.transcript('#incident').filter(text => text.includes('Indexes on'));
  expect(shown).toContain('Indexes that others cover');
  expect(shown).toContain('same as public."by note');
  expect(shown).toMatch(/DROP INDEX CONCURRENTLY public\."by note \d+"/);
  const { files } = await office.slack.until(
    () => office.ada.sees('#incident').find(({ thread_ts, files }) => thread_ts === answer.ts && files?.length),
    'the file below the answer',
  );
  expect(files?.[0]?.name).toBe('indexes-duplicate.csv');
});

test('two lists at once are refused with words', async () => {
  await office.ada.types('/db indexes --unused --usage');
  await office.sees(office.ada, 'One list at a time: --unused or --usage.');
});

test('ada asks for the bloat of a table that was mistyped, then of the right one', async () => {
  await office.ada.types('/db bloat invoice_lines');
  await office.sees(office.ada, 'There is no table invoice_lines.');
  await office.ada.types('/db bloat "Invoice Lines"');
  const answer = await office.reads('#incident', 'Bloat of Invoice Lines on');
  expect(answer.text).toContain('public."Invoice Lines"');
});
