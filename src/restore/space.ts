import { bytes } from '../../blocks/text.ts';
import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { UserError } from '../errors.ts';
import { type FileSystem, readDisk } from '../postgres/disk.ts';
import type { SwapFacts } from '../postgres/swap-obstacles.ts';
import type { Target } from '../postgres/target.ts';
import { serverFileSystems } from '../tools/file-systems.ts';
import type { RestorePlan } from './plan-schema.ts';
import type { RestoreOptions } from './restores.ts';

/** A dump holds no indexes: the restored database is as large as the tables that were dumped, and their indexes. */
const indexShare = 1.2;

/**
 * How much room a restore beside the database needs, and there is; `free` is null where the bot cannot see the server's
 * disks.
 *
 * @param tables `schema.table`; undefined for all. They lie there twice until they are in the target.
 * @throws UserError when it would not fit: a full disk stops the server, not the restore alone.
 */
export async function requireServerSpace(
  { target, fileSystems = readFileSystems }: Pick<RestoreOptions, 'target' | 'fileSystems'>,
  { tablespace }: Pick<SwapFacts, 'tablespace'>,
  { manifest }: FoundBackup,
  tables: readonly string[] | undefined,
): Promise<RestorePlan['space']> {
  const chosen = manifest.tables.filter(({ schema, name }) => !tables || tables.includes(`${schema}.${name}`));
  const needed = Math.ceil(chosen.reduce((sum, table) => sum + table.bytes, 0) * indexShare) * (tables ? 2 : 1);
  const systems = await fileSystems(target).catch(() => undefined);
  const place = tablespace === 'pg_default' ? 'data' : `tablespace ${tablespace}`;
  const free = systems?.find(({ holds }) => holds.includes(place))?.freeBytes ?? null;
  if (free !== null && free < needed) {
    throw new UserError(
      `The server's disk has too little room: about ${bytes(needed)} are needed beside the database, ${bytes(free)} are free.`,
      { hint: 'The old database stays until it is dropped. Free space, `/db disk` shows where, and ask again.' },
    );
  }
  return { needed, free };
}

async function readFileSystems(target: Target): Promise<FileSystem[] | undefined> {
  return serverFileSystems(await readDisk(target));
}
