import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { carryOver, databaseProperties } from '../../src/postgres/database-properties.ts';
import { maintenanceConnection, within } from '../../src/postgres/maintenance.ts';
import { swapDatabases } from '../../src/postgres/swap.ts';
import { swapStatement } from '../../src/postgres/swap-sql.ts';
import type { Session, Target } from '../../src/postgres/target.ts';
import { recordingLog } from '../backups/backup-stand.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { until } from '../cluster/until.ts';
import { warmTarget } from '../postgres/targets.ts';
import { startWriters } from './writers.ts';

let database: TestDatabase;
let target: Target;
/** The database that a question reaches. */
const here = {
  name: 'here',
  sql: 'select oid::text as oid from pg_database where datname = current_database()',
  row: z.object({ oid: z.string() }),
};
let names: { incoming: string; aside: string };

beforeEach(async () => {
  database = await freshDatabase();
  names = { incoming: `${database.name}_restoring`, aside: `${database.name}_before` };
  await database.admin.sql(`grant ${database.portal.user} to ${database.bot.user}`);
  await database.admin.sql(`alter role ${database.bot.user} createdb`);
  await database.admin.sql('create table written (id bigint generated always as identity primary key)');
  await database.admin.sql(`alter table written owner to ${database.portal.user}`);
  ({ target } = await warmTarget(database.botUrl));
});
afterEach(async () => {
  await target.close();
  for (const name of Object.values(names)) await database.cluster.dropDatabase(name);
  await database.drop();
});

const sql = (text: string, values: unknown[] = []) => database.cluster.admin.sql(text, values);

async function oidOf(name: string): Promise<string> {
  return (await sql('select oid::text from pg_database where datname = $1', [name]))[0].oid;
}

/** A copy of the database as it is, under the name of one that is restored. */
async function copy(): Promise<void> {
  await target.close();
  await database.cluster.createDatabase(names.incoming, { template: database.name, owner: database.portal.user });
  ({ target } = await warmTarget(database.botUrl));
}

async function outside<Result>(work: (maintenance: Target, session: Session) => Promise<Result>): Promise<Result> {
  const connection = await maintenanceConnection(target);
  return within({ name: 'portal', connection, log: recordingLog() }, maintenance =>
    maintenance.withSession(session => work(maintenance, session), { readOnly: false, statementTimeout: 0 }),
  );
}

async function swap(patience = 3_000, mayAct = () => {}) {
  const plan = {
    name: database.name,
    currentOid: await oidOf(database.name),
    aside: names.aside,
    incoming: { name: names.incoming, oid: await oidOf(names.incoming) },
    comments: { aside: 'as it was', current: 'as it is' },
  };
  return outside((maintenance, session) => swapDatabases(maintenance, session, plan, { mayAct, patience }));
}

/** What a client meets while it is cut off, all of which it may try again: words of the server, or a socket that is reset. */
const cutOff = ['57P01', '55000', '3D000', 'ECONNRESET', 'EPIPE'];

const facts = async (name: string) =>
  (
    await sql(
      `select datallowconn as open, shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
      [name],
    )
  )[0];

describe('a swap', () => {
  test('under 16 writers: nobody is held up for long, no row is lost, and the bot itself is back', async () => {
    await copy();
    await sql(`alter database ${names.incoming} connection limit -1`);
    const writers = await startWriters(database.url);
    const result = await swap();
    await writers.again();
    const { written, worstGap, failures } = await writers.stop();
    const count = async (name: string) =>
      (await database.cluster.admin.sql('select count(*)::int as n from written', [], name))[0].n as number;
    await sql(`alter database ${names.aside} allow_connections true`);
    const [old, current] = [await count(names.aside), await count(database.name)];
    // A row whose commit was cut off before its answer is there, and was not counted by its writer.
    expect(old + current).toBeGreaterThanOrEqual(written);
    expect(old + current).toBeLessThanOrEqual(written + 16);
    expect(current).toBeGreaterThan(0);
    expect(result.ended).toBeGreaterThanOrEqual(16);
    expect([...failures].filter(code => !cutOff.includes(code) && !/Connection terminated/.test(code))).toEqual([]);
    expect(await facts(database.name)).toEqual({ open: true, comment: 'as it is' });
    expect(await target.ask(here)).toEqual([{ oid: await oidOf(database.name) }]);
    await until('the warm connection is open again', () => target.ownPids().size > 0);
    process.stderr.write(
      `worst gap of 16 writers ${Math.round(worstGap)} ms, closed ${Math.round(result.closedMilliseconds!)} ms\n`,
    );
  });

  test('one session that may not be ended makes it undone: connections are allowed, everything has its name', async () => {
    await copy();
    const superuser = new pg.Client({ connectionString: database.cluster.url(database.name) });
    await superuser.connect();
    try {
      await expect(swap(200)).rejects.toThrow(/^The swap was undone: these sessions did not end: \d+ \(/);
    } finally {
      await superuser.end();
    }
    expect(await facts(database.name)).toMatchObject({ open: true });
    expect(await facts(names.incoming)).toMatchObject({ open: true });
    expect(await facts(names.aside)).toBeUndefined();
    await expect(swap()).resolves.toMatchObject({ ended: expect.any(Number) });
  });

  test('a prepared transaction is found before anybody is refused', async () => {
    await copy();
    const coordinator = await database.openSession();
    await coordinator.query('begin');
    await coordinator.query('insert into written default values');
    await coordinator.query(`prepare transaction 'swap of ${database.name}'`);
    await coordinator.close();
    await expect(swap()).rejects.toThrow('A prepared transaction is open in it. The swap was not begun.');
    expect(await facts(database.name)).toMatchObject({ open: true });
    await database.admin.sql(`rollback prepared 'swap of ${database.name}'`);
  });

  test('is finished by the server when the bot is gone in the middle of it', async () => {
    await copy();
    const slow = await startWriters(database.url, { count: 4 });
    const oid = await oidOf(database.name);
    const socket = new Socket();
    const maintenance = new pg.Client({
      connectionString: database.cluster.url('postgres', database.bot),
      stream: () => socket,
    });
    maintenance.on('error', () => undefined);
    await maintenance.connect();
    const statement = swapStatement(
      {
        name: database.name,
        currentOid: oid,
        aside: names.aside,
        incoming: { name: names.incoming, oid: await oidOf(names.incoming) },
        comments: { aside: 'old', current: null },
      },
      3_000,
    );
    maintenance.query(statement).catch(() => undefined);
    await new Promise(resolve => setImmediate(resolve));
    socket.destroy();
    await until('the name is the other database’s', async () => (await oidOf(database.name)) !== oid);
    await slow.again();
    await slow.stop();
    expect(await facts(database.name)).toEqual({ open: true, comment: null });
  });

  test('another database of the same name is never touched', async () => {
    await copy();
    await expect(
      outside(async (maintenance, session) =>
        swapDatabases(
          maintenance,
          session,
          {
            name: database.name,
            currentOid: '1',
            aside: names.aside,
            incoming: { name: names.incoming, oid: await oidOf(names.incoming) },
            comments: { aside: '', current: null },
          },
          { mayAct: () => {} },
        ),
      ),
    ).rejects.toMatchObject({ name: 'ConditionChanged' });
    await expect(
      swap(200, () => {
        throw new Error('not any more');
      }),
    ).rejects.toThrow('not any more');
    expect(await facts(names.incoming)).toMatchObject({ open: true });
  });

  test('carries over what belongs to a database by its oid', async () => {
    await copy();
    const user = database.portal.user;
    for (const statement of [
      `alter database ${database.name} set statement_timeout to '30s'`,
      `alter database ${database.name} set search_path to "$user", public, "it's"`,
      `alter role ${user} in database ${database.name} set work_mem to '8MB'`,
      `alter database ${database.name} connection limit 77`,
      `comment on database ${database.name} is 'the portal''s'`,
      `revoke all on database ${database.name} from public`,
      `grant connect on database ${database.name} to pg_monitor with grant option`,
    ])
      await sql(statement);
    const [before] = await target.ask(databaseProperties, [database.name]);
    await outside(async (_maintenance, session) => {
      for (const { statement, as, may } of carryOver(before!, names.incoming)) {
        expect(may).toBe(true);
        if (as !== undefined) await session.query(`SET ROLE ${pg.escapeIdentifier(as)}`);
        await session.query(statement);
        if (as !== undefined) await session.query('RESET ROLE');
      }
    });
    const [after] = await target.ask(databaseProperties, [names.incoming]);
    expect(after).toEqual({ ...before, comment: null });
    expect(before!.settings).toHaveLength(3);
  });
});
