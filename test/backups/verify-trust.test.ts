/** Whose rights a dump has while it is verified: its checks, triggers and index expressions run as whoever loads it. */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import pg from 'pg';
import { restoreInto } from '../../src/backups/restore-into.ts';
import { startScratchCluster } from '../../src/backups/scratch-cluster.ts';
import { openScratchFolder } from '../../src/backups/scratch-folder.ts';
import { scratchName } from '../../src/backups/scratch-name.ts';
import { type Connection, parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { inDatabase } from '../../src/postgres/maintenance.ts';
import { serverAccount } from '../../src/tools/account.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { type BackupStand, backupStand, request, watched } from './backup-stand.ts';
import { reread, serverInstallation } from './restore-stand.ts';
import { following, type VerifyStand, verifyStand } from './verify-stand.ts';

let database: TestDatabase;
let stand: BackupStand;
let verifying: VerifyStand;
/** Where the server's account may write. */
let traces: string;

beforeEach(async () => {
  database = await freshDatabase();
  stand = await backupStand(database, { url: database.cluster.url(database.name) });
  verifying = await verifyStand(stand);
  traces = await mkdtemp(path.join(tmpdir(), 'pg-chatops-traces-'));
  await chmod(traces, 0o777);
});

afterEach(async () => {
  await verifying.close();
  await stand.close();
  await database.drop();
  await rm(traces, { recursive: true, force: true });
});

async function backedUp(plain = false) {
  return reread((await stand.backups.take(request({ plain }), watched())).directory);
}

async function verified(name: string, scratch?: Connection) {
  const verifications = await verifying.open(scratch ? { scratch } : {});
  const report = await verifications.verify({ backup: name, level: 'contents', actionId: null }, following());
  const unwell = report.steps.filter(({ outcome }) => outcome !== 'passed').map(({ said }) => said);
  return { level: report.level, unwell, notes: report.notes };
}

/** What a table's owner, who is no superuser, can leave in a database. */
const trap = (folder: string) => `
  create function spring() returns void language plpgsql as $$
  begin
    begin reset role; reset session authorization; exception when others then end;
    if (select rolsuper from pg_roles where rolname = current_user) then
      execute format('copy (select 1) to program %L', 'cat > ${folder}/' || gen_random_uuid());
    end if;
  end $$;
  create function ok(t text) returns boolean language plpgsql immutable as $$ begin perform public.spring(); return true; end $$;
  create function armed() returns trigger language plpgsql as $$ begin perform public.spring(); return new; end $$;
  create table bait (id int primary key, t text check (public.ok(t)));
  create table hook (t text);
  insert into bait values (1, 'a');
  insert into hook values ('b');
  create index hook_ok on hook (public.ok(t));
  create view seen as select public.ok(t) from hook;
  create materialized view kept as select public.ok(t) from hook;
  create trigger hooked before insert on hook for each row execute function armed()`;

test('what an owner of a table put in its way runs as nobody with rights, wherever the backup is verified', async () => {
  const mallory = await database.openSession();
  await mallory.query(trap(traces));
  const backup = await backedUp();
  const scratch = inDatabase(parseConnectionUrl(database.cluster.url()), 'postgres');

  const good = { level: 'contents', unwell: [] };
  expect(await verified(backup.name)).toEqual({ ...good, notes: [] });
  expect(await verified(backup.name, scratch)).toEqual({ ...good, notes: ['Owners and grants were left out there.'] });
  expect(await readdir(traces)).toEqual([]);

  // The trap is one: a superuser who restores the same backup springs it.
  const into = `${database.name}_trap`;
  await database.cluster.createDatabase(into);
  try {
    await restoreInto({
      installation: await serverInstallation(database),
      connection: parseConnectionUrl(database.cluster.url(into)),
      backup,
      jobs: 1,
      application: 'pg-chatops/restore/A-1',
      signal: new AbortController().signal,
      started: async () => undefined,
      progress: () => undefined,
    });
  } finally {
    await database.cluster.dropDatabase(into);
  }
  expect(await readdir(traces)).not.toEqual([]);
}, 60_000);

test('nobody comes into a throwaway server without its password, from its own host and account either', async () => {
  const folder = await openScratchFolder(verifying.temporary);
  try {
    const connection = await startScratchCluster({
      installation: await serverInstallation(database),
      folder: folder.path,
      account: await serverAccount(),
      signal: new AbortController().signal,
    });
    const { host, port, user, password } = connection;
    const login = async (own: string) => {
      const client = new pg.Client({ host, port, user, database: 'postgres', password: own });
      try {
        await client.connect();
        return await client.query('select 1').then(() => 'in');
      } catch (error) {
        return String(error);
      } finally {
        await client.end();
      }
    };
    expect(await login('guessed')).toMatch(/password authentication failed/);
    expect(await login(password)).toBe('in');
    expect(await readdir(path.join(folder.path, 'server'))).not.toContain('password');
  } finally {
    await folder.remove();
  }
});

test('a role that loaded a dump for a bot that is gone goes with its database, and alone', async () => {
  const { admin } = database.cluster;
  const scratch = inDatabase(parseConnectionUrl(database.cluster.url()), 'postgres');
  const bot = { pid: process.pid, started: `before ${database.name}` };
  const [first, second] = [new Date(0), new Date(1000)].map(at => scratchName(bot, at)) as [string, string];
  for (const name of [first, second]) await admin.sql(`create role ${name} login`);
  await admin.sql(`create database ${first} owner ${first}`);
  const verifications = await verifying.open({ scratch });
  expect(await verifications.cleanUp()).toEqual(expect.arrayContaining([{ name: first }, { name: second }]));
  expect(await admin.sql('select rolname from pg_roles where rolname = any ($1)', [[first, second]])).toEqual([]);
});

describe('without a superuser', () => {
  const roles = ['keeper', 'writer', 'reader'];
  let own: (text: string) => string;

  beforeEach(() => {
    own = text => text.replaceAll(/~(\w+)/g, (_, role: string) => `${role}_${database.name}`);
  });
  afterEach(async () => {
    await database.cluster.dropDatabase(database.name);
    await database.cluster.admin.sql(own('drop tablespace if exists ~fast'));
    for (const role of roles) await database.cluster.admin.sql(own(`drop role if exists ~${role}`));
  });

  test.each(['archive', 'plain'])(
    'a database of many owners and kinds is restored from its %s',
    async form => {
      for (const role of roles) await database.cluster.admin.sql(own(`create role ~${role}`));
      await execa(path.join(database.cluster.bin, 'psql'), [
        '--no-psqlrc',
        `--dbname=${database.cluster.url(database.name)}`,
        ...['set allow_in_place_tablespaces = on', own(`create tablespace ~fast location ''`)].map(
          text => `--command=${text}`,
        ),
      ]);
      await database.admin.sql(
        own(`
      create schema tools; create extension tablefunc with schema tools; create extension hstore;
      create extension if not exists pg_stat_statements; create extension dblink; create extension "uuid-ossp"; comment on extension tablefunc is 'not trusted';
      create extension postgres_fdw; create server far foreign data wrapper postgres_fdw options (host 'far.example');
      create user mapping for ~writer server far options (user 'u', password 'p');
      create foreign table abroad (n int) server far; alter foreign table abroad owner to ~writer;
      create schema kept authorization ~keeper; grant usage on schema kept to ~reader;
      create table kept.notes (id int generated always as identity primary key, t text, h hstore) tablespace ~fast;
      insert into kept.notes (t) select 'n' || n from generate_series(1, 9) n;
      alter table kept.notes owner to ~writer; revoke all on kept.notes from ~writer;
      alter table kept.notes enable row level security; alter table kept.notes force row level security;
      create policy none on kept.notes to ~reader using (false);
      create table ours (id int primary key references kept.notes); alter table ours owner to ~writer;
      grant select on ours to ~keeper with grant option;
      set role ~keeper; grant select on ours to ~reader; reset role;
      create type mood as enum ('sad'); alter type mood owner to ~keeper;
      create function calm(mood) returns int language sql as 'select 1'; alter function calm(mood) owner to ~keeper;
      create materialized view counted as select count(*) from pg_class; alter materialized view counted owner to ~reader;
      create publication partial for table ours; alter publication partial owner to ~writer;
      create publication everything for all tables;
      alter default privileges for role ~writer in schema kept grant select on tables to ~reader;
      select lo_from_bytea(4711, 'an object'); alter large object 4711 owner to ~writer;
      create function noted() returns event_trigger language plpgsql as 'begin end'; alter function noted() owner to ~keeper;
      create event trigger noted on ddl_command_start execute function noted();
      comment on event trigger noted is 'seen'`),
      );
      // A plain dump does not say whose an object is.
      if (form === 'archive') {
        await database.admin.sql(own('grant execute on function pg_ls_waldir(), pg_stat_statements_reset to ~reader'));
      }
      const backup = await backedUp(form === 'plain');
      const { level, unwell, notes } = await verified(backup.name);
      expect({ level, unwell }).toEqual({ level: 'contents', unwell: [] });
      expect(notes.join(' ')).toMatch(/Not proved, as only a superuser may create it: .*publication everything/i);
      expect(notes.join(' ')).toMatch(/event trigger noted/i);
      expect(notes.some(note => note.startsWith('Grants on what is an extension’s'))).toBe(form === 'archive');
    },
    60_000,
  );
});
