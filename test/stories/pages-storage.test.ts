import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../cluster/until.ts';
import { type Office, openOffice } from './office.ts';

let office: Office;

/** The bot's clock runs ahead of the real one by so many milliseconds. */
let ahead = 0;

beforeAll(async () => {
  office = await openOffice({
    bot: { now: () => Date.now() + ahead },
    yaml: 'targets: [{name: portal, database_url_env: DATABASE_URL, replicas_url_env: [DATABASE_URL]}]',
  });
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
  expect(shown).toMatch(/Replica asked `127\.0\.0\.1:\d+`, statistics for/);
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

test('ada sees how large the tables are, and an hour and more later how they grew', async () => {
  await office.ada.types('/db size "Invoice Lines"');
  await office.reads('#incident', 'not known yet: the bot looks every ten minutes');
  const { admin } = office.database;
  await admin.sql('vacuum analyze "Invoice Lines"');
  ahead += 70 * 60_000;
  await until(
    'the bot has measured the table',
    async () => {
      const drawn = () => office.transcript('#incident').filter(text => text.includes('Size of the database on'));
      const before = drawn().length;
      await office.ada.types('/db history size');
      await office.slack.until(() => drawn().length > before, 'the sizes that were measured');
      return drawn().at(-1)!.includes('of 2 points');
    },
    { withinMs: 40_000 },
  );
  ahead += 70 * 60_000;
  await admin.sql(`insert into "Invoice Lines" select n, repeat('y', 900) from generate_series(100001, 110000) n`);
  await office.ada.types('/db size "Invoice Lines"');
  await office.reads('#incident', /Growth \+\d[\d.]* MB in 2 h 2\d min/);
}, 60_000);

test('ada gets a picture of the connections, described in words for whoever cannot see it', async () => {
  await office.ada.types('/db history connections --for 12h');
  const answer = await office.reads('#incident', 'Connections on');
  expect(answer.text).toMatch(/\*Last\* \d+ /);
  const posted = await office.slack.until(
    () => office.ada.sees('#incident').find(({ thread_ts, files }) => thread_ts === answer.ts && files?.length),
    'the picture below the answer',
  );
  const [file] = posted.files!;
  expect(file!.name).toBe('connections-12h.png');
  const content = office.slack.file(file!.id)!;
  expect([...content.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
});

test('what is not measured is named with what is', async () => {
  await office.ada.types('/db history conections');
  await office.sees(office.ada, /connections.*idle-in-transaction/s);
});
