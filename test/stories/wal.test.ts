/** An archiver that fails: told once to the record and to those who approve, asked about, mended, and told once more. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { until } from '../cluster/until.ts';
import { type Office, openOffice } from './office.ts';

let cluster: Cluster;
let office: Office;
let ahead = 0;

beforeAll(async () => {
  cluster = await startCluster({
    settings: {
      archive_mode: 'on',
      archive_command: 'true',
      archive_timeout: '900',
      max_connections: '20',
      shared_preload_libraries: 'pg_stat_statements',
    },
  });
  await cluster.admin.sql('create extension pg_stat_statements');
  office = await openOffice({
    bot: { now: () => Date.now() + ahead },
    yaml: 'targets: [{name: portal, database_url_env: DATABASE_URL, backups: {schedule: false}}]',
    environment: { DATABASE_URL: cluster.url('postgres', await createBotRole(cluster)) },
  });
});
afterAll(async () => {
  await using closing = new AsyncDisposableStack();
  closing.defer(() => cluster.stop());
  closing.use(office);
  expect(office.slack.violations).toEqual([]);
  expect(office.logged()).not.toContain('something broke');
});

const ada = () => office.ada;
const notices = () => office.transcript('#db-audit').filter(text => /portal`: (the archiver|WAL reaches)/.test(text));
const told = (person: string) =>
  office.seenBy(office.slack.person(person), `@${person}`).filter(text => /archiver|WAL reaches/.test(text));

async function archiveBy(command: string): Promise<void> {
  await cluster.admin.sql(`alter system set archive_command = '${command}'`);
  await cluster.admin.sql('select pg_reload_conf()');
}

/** Fills a segment, and waits until the archiver has said how that went. */
async function archives(column: 'archived_count' | 'failed_count'): Promise<void> {
  const count = async () => Number((await cluster.admin.sql(`select ${column} as n from pg_stat_archiver`))[0].n);
  const before = await count();
  await cluster.admin.sql("select pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()");
  await until(`${column} grows`, async () => (await count()) > before);
}

/**
 * Minutes of the bot's clock, in each of which it begins to look at the archiver once: what it found in the one before is
 * judged and written by then.
 */
async function minutes(count: number): Promise<void> {
  const looks = async () => {
    const [{ calls }] = await cluster.admin.sql(
      `select coalesce(sum(calls), 0) as calls from pg_stat_statements where query like '%pg_stat_archiver%' and userid <> 10`,
    );
    return Number(calls);
  };
  for (let minute = 0; minute < count; minute += 1) {
    const before = await looks();
    ahead += 60_000;
    await until('the bot looks at the archiver', async () => (await looks()) > before);
  }
}

test('while WAL is archived, nobody is told anything', async () => {
  await archives('archived_count');
  await minutes(2);
  await ada().types('/db wal');
  await office.reads('#incident', /WAL archive on portal: all well/);
  expect([...notices(), ...told('ben')]).toEqual([]);
});

test('an archiver that fails is told once, in the record and to each approver, and /db wal says what is wrong', async () => {
  await archiveBy('false');
  await archives('failed_count');
  await minutes(2);
  const notice = await office.reads(
    '#db-audit',
    /A-\d+ .*portal.*the archiver fails at [0-9A-F]{24}.*\/db wal --on portal/s,
  );
  const id = /A-\d+/.exec(notice.text ?? '')![0];
  for (const person of ['ben', 'cleo']) {
    const told = new RegExp(`portal: the archiver fails at [0-9A-F]{24}.*/db wal --on portal.*${id}`, 's');
    await office.sees(office.slack.person(person), told, `@${person}`);
  }
  await minutes(2);
  await ada().types('/db wal');
  await office.reads('#incident', /WAL archive on portal: needs attention[\s\S]*the archiver fails at [0-9A-F]{24}/);
  expect([notices(), told('ben'), told('cleo')].map(({ length }) => length)).toEqual([1, 1, 1]);
});

test('mended, it is said to be well again, once, and the record of it all is whole', async () => {
  await archiveBy('true');
  await archives('archived_count');
  await minutes(2);
  await office.reads('#db-audit', /WAL reaches the archive again/);
  for (const person of ['ben', 'cleo']) {
    await office.sees(office.slack.person(person), 'portal: WAL reaches the archive again.', `@${person}`);
  }
  await minutes(2);
  await ada().types('/db audit verify');
  await office.reads('#incident', 'The record is whole');
  expect([notices(), told('ben'), told('cleo')].map(({ length }) => length)).toEqual([2, 2, 2]);
});
