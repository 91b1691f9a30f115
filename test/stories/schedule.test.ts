/** Backups that nobody asks for: taken at their time, caught up after a downtime, told of when they fail. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { openOffice } from './office.ts';

const day = 86_400_000;
/** The office's clock begins a minute before 02:00 UTC. */
let ahead = Date.UTC(2031, 4, 1, 1, 59) - Date.now();
const office = await openOffice({
  bot: { now: () => Date.now() + ahead },
  yaml: 'targets: [{name: portal, database_url_env: DATABASE_URL, backups: {schedule: 0 2 * * *, verify: false}}]',
});
afterAll(() => office.close());

const { slack, ada } = office;
const { name } = office.database;
const directTo = (person: string, text: RegExp) => office.sees(slack.person(person), text, `@${person}`);
const told = (person: string) => office.seenBy(slack.person(person), `@${person}`);
const audit = () => office.transcript('#db-audit').join('\n');
const backups = async () =>
  (await readdir(path.join(office.folder, 'backups', 'portal')).catch(() => [])).filter(each => /^\d{8}T/.test(each));
/** Its action's id, once the record tells how the scheduled backup ended. */
const ended = async (how: string, due: string) => {
  const asked = await office.reads('#db-audit', new RegExp(`A-\\d+ .*/db backup.* by itself.*due ${due}`, 's'));
  const id = /A-\d+/.exec(asked.text ?? '')![0];
  await office.reads('#db-audit', new RegExp(`${id} .*${how}`, 's'));
  if (how !== 'succeeded') return id;
  const after = await office.reads('#db-audit', new RegExp(`A-\\d+ .*/db retention.* by itself.*follows ${id}`, 's'));
  await office.reads('#db-audit', new RegExp(`${/A-\d+/.exec(after.text ?? '')![0]} .*backups? kept`, 's'));
  return id;
};

test('before its time nothing runs, and /db schedule says when it will', async () => {
  await ada.types('/db schedule');
  const page = await office.reads('#incident', /Schedule on portal\w*: all well/);
  expect(page.text).toMatch(/Next: .*, in \d+ s|Next: .*, in 1 min/);
  expect(page.text).toContain('Last run: none yet');
  expect(await backups()).toEqual([]);
});

test('at its time the backup is taken, once, and only the record tells of it', async () => {
  ahead += 60_000;
  const before = office.transcript('#incident').length;
  const id = await ended('succeeded', '2031-05-01 02:00 UTC by the schedule');
  expect(await backups()).toEqual([expect.stringContaining(id)]);
  expect(office.transcript('#incident')).toHaveLength(before);
  expect([...told('ben'), ...told('cleo')].join('\n')).not.toContain(id);
  await ada.types('/db schedule');
  await office.reads('#incident', new RegExp(`all well[\\s\\S]*${id} succeeded`));
});

test('a bot that starts again does not take it a second time, nor does one whose clock was set back', async () => {
  ahead -= 30 * 60_000;
  await office.restart();
  ahead += 30 * 60_000;
  await ada.types('/db schedule');
  await slack.until(
    () => office.transcript('#incident').filter(text => text.includes('Schedule on')).length === 3,
    'the page',
  );
  expect(await backups()).toHaveLength(1);
});

test('what was missed while no bot ran is made up for once, and told', async () => {
  await office.stopBot();
  ahead += 3 * day;
  await office.startBot();
  const id = await ended('succeeded', '2031-05-04 02:00 UTC by the schedule');
  expect(audit()).toMatch(
    /it did not run then because no bot was running, and runs now; so did none of 3 since 2031-05-02/,
  );
  for (const person of ['ben', 'cleo']) {
    await directTo(person, /3 backups of portal did not run when they were due[\s\S]*no bot was running/);
  }
  expect(await backups()).toHaveLength(2);
  await ada.types('/db schedule');
  await office.reads('#incident', new RegExp(`the last run was late: 3 due times[\\s\\S]*${id} succeeded`));
});

test('a backup that fails is told to those who approve, once, and the next due time tries again', async () => {
  const { admin } = office.database.cluster;
  await admin.sql(`alter database ${name} allow_connections false`);
  await admin.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  ahead += day;
  const id = await ended('failed', '2031-05-05 02:00 UTC by the schedule');
  for (const person of ['ben', 'cleo']) {
    await directTo(
      person,
      new RegExp(`The scheduled backup of portal failed \\(${id}\\)[\\s\\S]*/db backup --on portal`),
    );
  }
  await admin.sql(`alter database ${name} allow_connections true`);
  ahead += day;
  await ended('succeeded', '2031-05-06 02:00 UTC by the schedule');
  expect(told('ben').filter(text => text.includes('failed'))).toHaveLength(1);
  expect(await backups()).toHaveLength(3);
});

test('while a person’s backup runs, the scheduled one waits for its end', async () => {
  const migration = await office.database.openSession({ applicationName: 'migration' });
  await migration.query('begin; lock table orders in access exclusive mode');
  await ada.types('/db backup');
  await office.reads('#db-audit', /ada .*asked .*\/db backup[\s\S]*started/);
  ahead += day + 300_000;
  await ada.types('/db schedule');
  await office.reads('#incident', /a run is due since .* and has not begun/);
  await slack.until(() => office.logged().includes('the schedule waits for'), 'the schedule to wait');
  await migration.query('rollback');
  await ended('succeeded', '2031-05-07 02:00 UTC by the schedule');
  await office.reads('#db-audit', /removed \d backups? \(.*\), 3 backups kept: \d{8}T/);
  expect(audit()).toMatch(/2031-05-07.*it did not run then because A-\d+ was still running, and runs now/);
});

test('the record of it all is whole', async () => {
  await ada.types('/db audit verify');
  await office.reads('#incident', 'The record is whole');
  expect(slack.violations).toEqual([]);
});
