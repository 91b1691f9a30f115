import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { sql } from 'kysely';
import { UserError } from '../../src/errors.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { Books, ben } from '../actions/books.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-chatops-store-'));
  path = join(folder, 'state', 'store.db');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const mode = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);

async function refusal(opening: Promise<unknown>): Promise<UserError> {
  const error: unknown = await opening.then(
    () => undefined,
    reason => reason,
  );
  if (error instanceof UserError) return error;
  throw new Error('expected a UserError', { cause: error });
}

/** Opens the store in another process, which waits for the end of its input, closes it and says how that went. */
function otherProcess() {
  const source = new URL('../../src/store/sqlite.ts', import.meta.url).href;
  const script = `
    import { openSqliteStore } from ${JSON.stringify(source)};
    try {
      const store = await openSqliteStore(process.argv[1]);
      console.log('open');
      for await (const _ of process.stdin);
      await store.destroy();
    } catch (error) {
      console.log(error.name + ': ' + error.message + ' ' + error.hint);
    }`;
  return execa(process.execPath, ['--input-type=module', '--eval', script, path], { timeout: 20_000 });
}

describe('only its owner can read it', () => {
  test('the folder, the file and what SQLite keeps beside it', async () => {
    const books = await Books.open({ path });
    await books.asked();
    expect(await mode(dirname(path))).toBe('700');
    expect(await mode(path)).toBe('600');
    expect(await mode(`${path}-wal`)).toBe('600');
    await books.close();
  });

  test('a file that others could read is closed to them', async () => {
    await mkdir(dirname(path));
    await writeFile(path, '', { mode: 0o644 });
    await (await openSqliteStore(path)).destroy();
    expect(await mode(path)).toBe('600');
  });
});

describe('one process at a time', () => {
  test('a second one is refused, told why, and may go on when the first has ended', async () => {
    const first = otherProcess();
    await expectOpen(first);
    const error = await refusal(openSqliteStore(path));
    expect(error.message).toBe(`The store ${path} is in use by another process.`);
    expect(error.hint).toMatch(/STORE_URL/);
    first.stdin.end();
    await first;
    await (await openSqliteStore(path)).destroy();
  });

  test('a second one is refused from the other side, too, and while the first is idle', async () => {
    const books = await Books.open({ path });
    await books.asked();
    const { stdout } = await otherProcess();
    expect(stdout).toMatch(/^UserError: The store .* is in use by another process\. .*STORE_URL/);
    await books.asked();
    await books.expectWholeRecord();
    await books.close();
  });

  test('one that was killed leaves no lock and nothing half done', async () => {
    const first = otherProcess();
    await expectOpen(first);
    first.kill('SIGKILL');
    await first.catch(() => undefined);
    const books = await Books.open({ path });
    await books.asked();
    await books.expectWholeRecord();
    await books.close();
  });
});

describe('what was written stays', () => {
  test('actions, approvals and the record are there again, and the chain goes on', async () => {
    const before = await Books.open({ path });
    const id = await before.running();
    const events = await before.events();
    await before.close();

    const after = await Books.open({ path });
    expect(await after.events()).toEqual(events);
    expect(await after.state(id)).toBe('running');
    expect(await after.ledger.approversOf(id)).toEqual([ben]);
    await after.ledgerOf('the next process').interrupt(() => 'gone', { sole: true });
    await after.expectWholeRecord();
    expect(await after.kinds(id)).toEqual(['asked', 'planned', 'approved', 'started', 'interrupted']);
    await after.close();
  });

  test('each commit is durable before it returns', async () => {
    const store = await openSqliteStore(path);
    const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(store);
    expect(rows).toEqual([{ synchronous: 2 }]);
    await store.destroy();
  });

  test('an event cannot belong to no action, and no two follow the same one', async () => {
    const books = await Books.open({ path });
    await books.asked();
    const [event] = await books.events();
    const another = { ...event!, seq: 2, id: 'another', hash: 'another' };
    await expect(books.store.insertInto('events').values(another).execute()).rejects.toThrow(/previous_hash/);
    await expect(
      books.store
        .insertInto('events')
        .values({ ...another, previous_hash: event!.hash, action_id: 4711 })
        .execute(),
    ).rejects.toThrow(/FOREIGN KEY/);
    await books.close();
  });
});

describe('what cannot be a store of this version', () => {
  test('one that a newer version wrote is left alone', async () => {
    const store = await openSqliteStore(path);
    await sql`insert into kysely_migration values ('999_from_the_future', '2030-01-01T00:00:00Z')`.execute(store);
    await store.destroy();
    const error = await refusal(openSqliteStore(path));
    expect(error.message).toMatch(/999_from_the_future/);
    expect(error.hint).toMatch(/newer version/);
    // And it is not left locked.
    expect((await refusal(openSqliteStore(path))).message).toBe(error.message);
  });

  test('a file that is none', async () => {
    await mkdir(dirname(path));
    await writeFile(path, 'dear diary, '.repeat(1_000));
    expect((await refusal(openSqliteStore(path))).message).toMatch(/cannot be opened: Error: file is not a database/);
  });

  test('a folder', async () => {
    await mkdir(path, { recursive: true });
    expect((await refusal(openSqliteStore(path))).message).toMatch(/cannot be opened: Error: EISDIR/);
  });
});

test('a store in memory is new each time', async () => {
  const first = await Books.open();
  await first.asked();
  const second = await Books.open();
  expect(await second.events()).toEqual([]);
  await first.close();
  await second.close();
});

async function expectOpen(child: ReturnType<typeof otherProcess>): Promise<void> {
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString().trim()).toBe('open');
}
