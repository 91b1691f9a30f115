import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { sql } from 'kysely';
import { UserError } from '../../src/errors.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import { openStore } from '../../src/store/store.ts';
import { Books, emptyDatabase } from '../actions/books.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';

let database: Awaited<ReturnType<typeof emptyDatabase>>;

beforeEach(async () => {
  database = await emptyDatabase();
});

afterEach(() => database.drop());

const ask = (text: string) => sharedCluster().cluster.admin.sql(text, [], database.name);

async function refusal(url: string): Promise<UserError> {
  const error: unknown = await openStore({ engine: 'postgres', url }).then(
    store => store.close(),
    reason => reason,
  );
  if (error instanceof UserError) return error;
  throw new Error('expected a UserError', { cause: error });
}

/** A process that opens the store, says how that went, and closes it. */
function otherProcess() {
  const source = new URL('../../src/store/postgres.ts', import.meta.url).href;
  const script = `
    import { openPostgresStore } from ${JSON.stringify(source)};
    const store = await openPostgresStore(process.env.STORE_URL);
    await store.destroy();
    console.log('open');`;
  return execa(process.execPath, ['--input-type=module', '--eval', script], {
    env: { STORE_URL: database.url },
    timeout: 25_000,
  });
}

describe('the schema', () => {
  test('processes that start at once on an empty database bring it there once', async () => {
    const said = await Promise.all([otherProcess(), otherProcess(), otherProcess()]);
    expect(said.map(({ stdout }) => stdout)).toEqual(['open', 'open', 'open']);
    const steps = (await ask('select name from kysely_migration')).map(({ name }) => name);
    expect(steps).toContain('003_schedules');
    expect(steps).toEqual([...new Set(steps)]);
    expect(await ask('select seq from record_head')).toEqual([{ seq: '0' }]);
  });

  test('a process that starts waits for the one that migrates', async () => {
    const first = await openPostgresStore(database.url);
    let second: ReturnType<typeof otherProcess> | undefined;
    await first.transaction().execute(async transaction => {
      await sql`lock table kysely_migration_lock in access exclusive mode`.execute(transaction);
      second = otherProcess();
      await until('the second waits', async () => {
        const waiting = await ask(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
        return waiting.length > 0;
      });
    });
    expect((await second)?.stdout).toBe('open');
    await first.destroy();
  });

  test('one that a newer version wrote is left alone, and says what to do', async () => {
    await (await openPostgresStore(database.url)).destroy();
    await ask("insert into kysely_migration values ('999_from_the_future', '2030-01-01T00:00:00Z')");
    const before = await ask("select relname from pg_class where relkind in ('r', 'i') order by 1");
    const error = await refusal(database.url);
    expect(error.message).toMatch(/999_from_the_future/);
    expect(error.hint).toMatch(/newer version/);
    expect(await ask("select relname from pg_class where relkind in ('r', 'i') order by 1")).toEqual(before);
  });
});

describe('what cannot be reached', () => {
  const everythingOf = (error: UserError) => `${error.message} ${error.hint} ${JSON.stringify(error)} ${error.stack}`;

  test.each<[string, (url: URL) => void, RegExp]>([
    ['a wrong password', url => (url.password = 'hunter2'), /password authentication failed/],
    [
      'a role that is not there',
      url => ([url.username, url.password] = ['nobody', 'hunter2']),
      /authentication failed/,
    ],
    ['a database that is not there', url => (url.pathname = '/nowhere'), /"nowhere" does not exist/],
    ['a port that nobody listens on', url => ([url.port, url.password] = ['1', 'hunter2']), /ECONNREFUSED/],
  ])('%s is told in words, without the password', async (_what, change, why) => {
    const url = new URL(database.url);
    change(url);
    const error = await refusal(url.href);
    expect(error.message).toMatch(/^The store in PostgreSQL cannot be reached: /);
    expect(error.message).toMatch(why);
    expect(error.hint).toMatch(/STORE_URL/);
    expect(everythingOf(error)).not.toMatch(/hunter2/);
    expect(everythingOf(error)).not.toContain(url.password);
  });

  test('a role that may not create tables', async () => {
    const { cluster } = sharedCluster();
    const role = `reader_${database.name}`;
    await cluster.admin.sql(`create role ${role} login password 'hunter2'`);
    try {
      await ask('revoke create on schema public from public');
      const error = await refusal(cluster.url(database.name, { user: role, password: 'hunter2' }));
      expect(error.message).toMatch(/could not be brought to this version: .*permission denied/);
      expect(everythingOf(error)).not.toMatch(/hunter2/);
    } finally {
      await cluster.admin.sql(`drop role ${role}`);
    }
  });
});

describe('a store that goes away', () => {
  test('connections that were cut are replaced', async () => {
    const store = await openPostgresStore(database.url);
    await ask(`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name = 'pg-chatops/store'`);
    await until('it answers again', async () => (await sql`select 1`.execute(store)).rows.length === 1);
    await store.destroy();
  });

  test('a connection that answers no more is given up, and the next question takes another', async () => {
    const line = await lineTo(database.url);
    const store = await openPostgresStore(line.url, { patience: 3_000 });
    try {
      await sql`select 1`.execute(store);
      line.freeze();
      await expect(sql`select 1`.execute(store)).rejects.toThrow(/timeout/);
      const began = performance.now();
      expect((await sql`select 1`.execute(store)).rows).toHaveLength(1);
      expect(performance.now() - began).toBeLessThan(5_000);
    } finally {
      await store.destroy();
      line.close();
    }
  });

  test('a transaction whose connection answers no more ends at its first silence', async () => {
    const line = await lineTo(database.url);
    const store = await openPostgresStore(line.url, { patience: 3_000 });
    try {
      const began = performance.now();
      const work = store.transaction().execute(async transaction => {
        await sql`select 1`.execute(transaction);
        line.freeze();
        await sql`select 1`.execute(transaction);
      });
      await expect(work).rejects.toThrow(/timeout/);
      expect(performance.now() - began).toBeLessThan(5_500);
    } finally {
      await store.destroy();
      line.close();
    }
  });
});

test('numbers are numbers, as in SQLite, past four bytes too', async () => {
  const books = await Books.open({ engine: 'postgres' });
  const id = await books.waiting();
  expect(await books.ledger.find(id)).toMatchObject({ id: 1001, asked_at: books.now, expires_at: books.now + 900_000 });
  expect((await books.events()).map(({ seq, at }) => [seq, at])).toEqual([
    [1, books.now],
    [2, books.now],
  ]);
  await books.close();
});

/** A line to the server that can go silent for the connections that are open, as one to a failed machine does. */
async function lineTo(target: string) {
  const to = new URL(target);
  const open = new Set<[Socket, Socket]>();
  const server = createServer(client => {
    const socket = new (client.constructor as typeof Socket)().connect(Number(to.port), to.hostname);
    const pair: [Socket, Socket] = [client, socket];
    open.add(pair);
    client.pipe(socket).pipe(client);
    for (const end of pair) {
      end.on('error', () => undefined);
      end.on('close', () => {
        for (const either of pair) either.destroy();
        open.delete(pair);
      });
    }
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(target);
  url.port = String((server.address() as { port: number }).port);
  return {
    url: url.href,
    freeze() {
      for (const [client, socket] of open) {
        client.unpipe(socket);
        socket.unpipe(client);
        client.resume();
        socket.resume();
      }
    },
    close() {
      for (const [client, socket] of open) {
        client.destroy();
        socket.destroy();
      }
      server.close();
    },
  };
}
