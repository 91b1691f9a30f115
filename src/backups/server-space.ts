import { bytes } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import { type FileSystem, readDisk } from '../postgres/disk.ts';
import type { Target } from '../postgres/target.ts';
import { serverFileSystems } from '../tools/file-systems.ts';

/** What is known of the disks of a target's server; undefined where the bot does not run on its host. */
export type FileSystemsReader = (target: Target) => Promise<readonly FileSystem[] | undefined>;

/**
 * Asks for room on the disk of a target's server before anything is restored there.
 *
 * @param needed bytes.
 * @param options.tablespace in which a database is made.
 * @returns how much is free, bytes; null where the bot cannot see the server's disks.
 * @throws UserError when it would not fit: a full disk stops the server, not the restore alone.
 */
export async function requireServerSpace(
  target: Target,
  needed: number,
  { tablespace, fileSystems = readFileSystems }: { tablespace: string; fileSystems: FileSystemsReader | undefined },
): Promise<number | null> {
  const systems = await fileSystems(target).catch(() => undefined);
  const place = tablespace === 'pg_default' ? 'data' : `tablespace ${tablespace}`;
  const free = systems?.find(({ holds }) => holds.includes(place))?.freeBytes ?? null;
  if (free === null || free >= needed) return free;
  throw new UserError(
    `The server's disk has too little room: about ${bytes(needed)} are needed beside the database, ${bytes(free)} are free.`,
    {
      hint: 'Nothing of the old database goes before it is dropped. Free space, `/db disk` shows where, and ask again.',
    },
  );
}

async function readFileSystems(target: Target): Promise<readonly FileSystem[] | undefined> {
  return serverFileSystems(await readDisk(target));
}
