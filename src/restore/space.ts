import type { FoundBackup } from '../backups/backup-catalogue.ts';
import { requireServerSpace } from '../backups/server-space.ts';
import type { SwapFacts } from '../postgres/swap-obstacles.ts';
import type { RestorePlan } from './plan-schema.ts';
import type { RestoreOptions } from './restores.ts';

/** A dump holds no indexes: the restored database is as large as the tables that were dumped, and their indexes. */
const indexShare = 1.2;

/**
 * How much room a restore beside the database needs, and there is.
 *
 * @param tables `schema.table`; undefined for all. They lie there twice until they are in the target.
 * @throws UserError when it would not fit.
 */
export async function requireRoomBeside(
  { target, fileSystems }: Pick<RestoreOptions, 'target' | 'fileSystems'>,
  { tablespace }: Pick<SwapFacts, 'tablespace'>,
  { manifest }: FoundBackup,
  tables: readonly string[] | undefined,
): Promise<RestorePlan['space']> {
  const chosen = manifest.tables.filter(({ schema, name }) => !tables || tables.includes(`${schema}.${name}`));
  const needed = Math.ceil(chosen.reduce((sum, { bytes }) => sum + bytes, 0) * indexShare) * (tables ? 2 : 1);
  // Rows and indexes are written to WAL as well: 0.87 bytes of it for each byte of a restored database, measured.
  return requireServerSpace(target, needed, { tablespace, fileSystems, wal: needed });
}
