import { stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import type { Disk, FileSystem } from '../postgres/disk.ts';
import { inspectProcess } from './processes.ts';

/** A df that takes longer waits for a network file system that is away. */
const dfTimeoutMs = 3_000;

/** `/dev/sda1 1024 512 512 50% /`; the device and the mount point may hold spaces. */
const dfLine = z
  .string()
  .regex(/^.+\s\d+\s+\d+\s+\d+\s+\d+%\s+\/.*$/)
  .transform(line => {
    const [, used = '', free = '', mount = ''] = /\s(\d+)\s+(\d+)\s+\d+%\s+(\/.*)$/.exec(line) ?? [];
    const [usedBytes, freeBytes] = [Number(used) * 1024, Number(free) * 1024];
    return {
      mount,
      freeBytes,
      percent: (100 * usedBytes) / Math.max(1, usedBytes + freeBytes),
    };
  });

/** What df says of the file system that a path is on; undefined where there is no such path. In POSIX's own format. */
async function fileSystemOf(place: string): Promise<Omit<FileSystem, 'holds'> | undefined> {
  const { failed, stdout } = await execa('df', ['-P', '-k', '--', place], {
    env: { LC_ALL: 'C' },
    reject: false,
    timeout: dfTimeoutMs,
  });
  return failed ? undefined : dfLine.safeParse(stdout.split('\n').at(-1)).data;
}

/** Where the server keeps what. */
type Places = Pick<Disk, 'backendPid' | 'dataDirectory' | 'logDirectory' | 'tablespaces'>;

/**
 * The file systems of the server's data, WAL, logs and tablespaces. An address proves nothing, as a tunnel or a container
 * answers on 127.0.0.1 too: the backend that answered must be a process of this host.
 *
 * @returns undefined where the bot does not run on the server's host, or cannot see the data directory.
 */
export async function serverFileSystems(
  { backendPid, dataDirectory, logDirectory, tablespaces }: Places,
  inspect: typeof inspectProcess = inspectProcess,
): Promise<FileSystem[] | undefined> {
  const backend = await inspect(backendPid);
  if (dataDirectory === null || !backend || !/\bpostgres\b/.test(backend.command)) return undefined;
  if (!(await isThere(dataDirectory))) return undefined;
  const places: [string, string][] = [
    ['data', dataDirectory],
    ['WAL', path.join(dataDirectory, 'pg_wal')],
    ...(logDirectory === null ? [] : [['logs', path.resolve(dataDirectory, logDirectory)] as [string, string]]),
    ...tablespaces.map(({ name, location }): [string, string] => [
      `tablespace ${name}`,
      path.resolve(dataDirectory, location),
    ]),
  ];
  const found = await Promise.all(
    places.map(async ([holds, place]) => ({ holds, system: (await isThere(place)) && (await fileSystemOf(place)) })),
  );
  const byMount = new Map<string, FileSystem>();
  for (const { holds, system } of found) {
    if (!system) continue;
    const before = byMount.get(system.mount)?.holds ?? [];
    byMount.set(system.mount, { ...system, holds: [...before, holds] });
  }
  return byMount.size === 0 ? undefined : [...byMount.values()].toSorted((a, b) => b.percent - a.percent);
}

async function isThere(place: string): Promise<boolean> {
  return stat(place).then(
    () => true,
    () => false,
  );
}
