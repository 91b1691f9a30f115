import { bytes } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import { type Disk, type FileSystem, readDisk } from '../postgres/disk.ts';
import type { Target } from '../postgres/target.ts';
import { serverFileSystems } from '../tools/file-systems.ts';

/** The file systems of a target's server; undefined where the bot does not run on its host. */
export type FileSystemsReader = (disk: Disk) => Promise<readonly FileSystem[] | undefined>;

/** Room on a server, bytes. */
export interface ServerRoom {
  /** With the WAL that comes on top, where it lies on the same disk or may do so. */
  readonly needed: number;
  /** Null where the bot cannot see the server's disks. */
  readonly free: number | null;
}

/**
 * Asks for room on the disks of a target's server before anything is restored there.
 *
 * @param needed bytes.
 * @param options.tablespace in which a database is made.
 * @param options.wal how much WAL the work writes, bytes; 0 where `needed` has room for it.
 * @throws UserError when it would not fit: a full disk stops the server, not the restore alone.
 */
export async function requireServerSpace(
  target: Target,
  needed: number,
  {
    tablespace,
    wal = 0,
    fileSystems = serverFileSystems,
  }: { tablespace: string; wal?: number; fileSystems: FileSystemsReader | undefined },
): Promise<ServerRoom> {
  const disk = await readDisk(target).catch(() => undefined);
  const systems = disk && (await fileSystems(disk).catch(() => undefined));
  const growth = disk ? walGrowth(disk, wal) : wal;
  const place = tablespace === 'pg_default' ? 'data' : `tablespace ${tablespace}`;
  const system = systems?.find(({ holds }) => holds.includes(place));
  const walSystem = systems?.find(({ holds }) => holds.includes('WAL'));
  if (!system) return { needed: needed + growth, free: null };
  const shared = walSystem === undefined || walSystem === system;
  const total = shared ? needed + growth : needed;
  if (system.freeBytes < total) {
    const withWal = shared && growth > 0 ? ', WAL included' : '';
    throw tooLittle(`about ${bytes(total)} are needed beside the database${withWal}`, system);
  }
  if (!shared && walSystem.freeBytes < growth) throw tooLittle(`WAL grows by about ${bytes(growth)}`, walSystem);
  return { needed: total, free: system.freeBytes };
}

/**
 * How much more WAL a server keeps when so much is written: what it recycles at checkpoints is bounded by max_wal_size
 * and wal_keep_size, save what waits for an archive that fails, or for a slot that nobody reads.
 * https://www.postgresql.org/docs/current/wal-configuration.html
 */
function walGrowth({ slots, archiver, files, maxWalBytes }: Disk, written: number): number {
  if (archiver.failing || slots.some(({ active }) => !active)) return written;
  return Math.min(written, Math.max(0, maxWalBytes - (files?.walBytes ?? 0)));
}

function tooLittle(what: string, { mount, freeBytes }: FileSystem): UserError {
  return new UserError(`The server's disk has too little room: ${what}, ${bytes(freeBytes)} are free on ${mount}.`, {
    hint: 'Nothing of the old database goes before it is dropped. Free space, `/db disk` shows where, and ask again.',
  });
}
