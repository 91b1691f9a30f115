import { statfs } from 'node:fs/promises';

/** More than all temporary folders of a run take together, bytes. */
const roomNeeded = 6 * 1024 ** 3;

/**
 * A folder in memory for temporary files, where waiting for a disk (5 ms for each commit of SQLite, on a quiet one) takes
 * no time; nothing where there is none, or too little room in it, or in what is left to this process, of a container with a
 * limit too. https://docs.kernel.org/filesystems/tmpfs.html, https://nodejs.org/api/process.html#processavailablememory
 */
export async function memoryFolder(folder = '/dev/shm', needed = roomNeeded): Promise<string | undefined> {
  const system = await statfs(folder).catch(() => undefined);
  if (!system) return undefined;
  return Math.min(system.bavail * system.bsize, process.availableMemory()) >= needed ? folder : undefined;
}
