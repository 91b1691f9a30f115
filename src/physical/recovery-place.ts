import { chmod, chown, mkdir, mkdtemp } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { dataDirectory } from '../backups/scratch-postmaster.ts';
import { UserError } from '../errors.ts';
import { type Connection, parseConnectionUrl } from '../postgres/connection-url.ts';
import type { Target } from '../postgres/target.ts';
import type { Account } from '../tools/account.ts';
import { inspectProcess } from '../tools/processes.ts';
import { systemCode } from '../tools/system-code.ts';
import { socketPort } from './recovering-server.ts';
import type { RecoveryRecord } from './recovery-record.ts';

/** The role that initdb made, whose oid is always 10 (BOOTSTRAP_SUPERUSERID). */
const bootstrapSuperuser = {
  name: 'bootstrap_superuser',
  sql: 'SELECT rolname AS name FROM pg_catalog.pg_roles WHERE oid = 10',
  row: z.object({ name: z.string() }),
};

/** Folders that the server's account alone may read. @throws UserError when that action has recovered already. */
export async function makeFolder(directory: string, id: string, account: Account): Promise<string> {
  const folder = path.join(directory, id);
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw new UserError(`${id} has recovered already, into ${folder}.`, {
      hint: `End it first: \`/db recover-end ${id}\`.`,
    });
  }
  for (const place of [dataDirectory(folder), path.join(folder, 'locks'), path.join(folder, 'tablespaces')]) {
    await mkdir(place, { mode: 0o700 });
    await own(place, account);
  }
  await own(folder, account);
  return folder;
}

/** What is known before anything runs; makes the folder of the socket. */
export async function firstRecord(id: string, account: Account, target: Target): Promise<RecoveryRecord> {
  const bot = await inspectProcess(process.pid);
  if (!bot) throw new Error('This process cannot be found among the running ones.');
  const socketFolder = await mkdtemp(path.join(tmpdir(), 'pg-recovered-'));
  await chmod(socketFolder, 0o700);
  await own(socketFolder, account);
  const superuser = await target.ask(bootstrapSuperuser).then(
    ([row]) => row?.name,
    () => undefined,
  );
  return {
    host: hostname(),
    id,
    bot: { pid: bot.pid, started: bot.started },
    program: null,
    socketFolder,
    superuser: superuser ?? 'postgres',
    database: target.connection.database,
    ready: null,
  };
}

/** As the superuser, who needs no password there. */
export function connectionOf({ superuser, database, socketFolder }: RecoveryRecord): Connection {
  const [user, name, host] = [superuser, database, socketFolder].map(encodeURIComponent);
  return parseConnectionUrl(`postgresql://${user}@/${name}?host=${host}&port=${socketPort}&sslmode=disable`);
}

async function own(place: string, { uid, gid }: Account): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(place, uid, gid);
}
