import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './schema.ts';

/**
 * Opens the store in a file of its own, readable by its owner only (0600, its folder 0700), and migrates it. The file
 * stays locked until `destroy()`: two processes on one store would each think the other's running actions lost.
 * `synchronous = full` makes each commit durable before it returns (https://sqlite.org/pragma.html#pragma_synchronous).
 * @param path a file, or `:memory:`
 * @param options.migrated brings it to this version, or looks whether it is.
 * @throws UserError when another process holds the file, it cannot be opened, or a newer version of the bot wrote it.
 */
export async function openSqliteStore(
  path: string,
  { migrated = migrate }: { readonly migrated?: typeof migrate } = {},
): Promise<Kysely<StoreSchema>> {
  const file = openLocked(path);
  const store = new Kysely<StoreSchema>({ dialect: new SqliteDialect({ database: adapt(file) }) });
  try {
    await migrated(store, 'sqlite');
  } catch (error) {
    await store.destroy();
    throw error;
  }
  return store;
}

function openLocked(path: string): DatabaseSync {
  let file: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, 'a', 0o600));
      chmodSync(path, 0o600);
    }
    file = new DatabaseSync(path, { enableForeignKeyConstraints: true });
    file.exec('pragma busy_timeout = 1000; pragma locking_mode = exclusive; pragma journal_mode = wal');
    file.exec('pragma synchronous = full; begin exclusive; commit');
    return file;
  } catch (cause) {
    file?.close();
    throw whyNotOpen(path, cause);
  }
}

/** The low byte is SQLITE_BUSY, the rest says more: https://sqlite.org/rescode.html#extrc */
const busy = z.object({ errcode: z.int().refine(code => (code & 0xff) === 5) });

function whyNotOpen(path: string, cause: unknown): UserError {
  if (busy.safeParse(cause).success) {
    return new UserError(`The store ${path} is in use by another process.`, {
      hint: 'Stop the other bot first, or give this one a STORE_URL of its own.',
      cause,
    });
  }
  return new UserError(`The store ${path} cannot be opened: ${String(cause)}.`, {
    hint: 'STORE_URL names a file that this user may write, such as sqlite:state/pg-chatops.db.',
    cause,
  });
}

type Statement = ReturnType<SqliteDatabase['prepare']>;

/** More than the bot has; lists of values make a few more. */
const mostPrepared = 200;

/** Kysely's dialect speaks better-sqlite3; this is the same over node:sqlite. */
function adapt(file: DatabaseSync): SqliteDatabase {
  // A statement's memory is freed only with its garbage, which the collector does not see growing: kept, not made anew.
  const prepared = new Map<string, Statement>();
  return {
    close: () => file.close(),
    prepare(text) {
      const known = prepared.get(text);
      if (known) return known;
      if (prepared.size >= mostPrepared) prepared.clear();
      const statement = prepare(file, text);
      prepared.set(text, statement);
      return statement;
    },
  };
}

function prepare(file: DatabaseSync, text: string): Statement {
  const statement = file.prepare(text);
  const values = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: parameters => statement.all(...values(parameters)),
    run: parameters => statement.run(...values(parameters)),
    iterate: parameters => statement.iterate(...values(parameters)) as IterableIterator<unknown>,
  };
}
