import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { serverAccount } from './account.ts';

/** A disk of the tests' own. */
interface SmallDisk extends AsyncDisposable {
  /** From then on nobody writes to it, root neither. */
  makeReadOnly(): Promise<void>;
}

/**
 * Mounts a disk in memory, which a server of the tests may write to, until it is disposed of.
 * https://docs.kernel.org/filesystems/tmpfs.html
 *
 * @param folder where; it must be there.
 * @param room.bytes what it holds.
 * @param room.names how many files and folders it holds, itself among them; as many as one likes unless told.
 * @returns `undefined` where this account may not mount one.
 */
export async function smallDisk(
  folder: string,
  { bytes, names = 0 }: { bytes: number; names?: number },
): Promise<SmallDisk | undefined> {
  const { uid, gid } = await serverAccount();
  const owner = uid === undefined || gid === undefined ? '' : `,uid=${uid},gid=${gid}`;
  const options = `size=${Math.ceil(bytes)},nr_inodes=${names}${owner}`;
  const disk: SmallDisk = {
    makeReadOnly: async () => {
      await privileged('mount', ['-o', 'remount,ro', folder]);
    },
    [Symbol.asyncDispose]: async () => {
      await privileged('umount', [folder]);
    },
  };
  return privileged('mount', ['-t', 'tmpfs', '-o', options, 'none', folder]).then(
    () => disk,
    () => undefined,
  );
}

/** Whether this account may mount one: a test that nothing else can stand in for is skipped where it may not. */
export async function mayMount(): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'small-disk-'));
  try {
    await using disk = await smallDisk(folder, { bytes: 1 });
    return disk !== undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a program that only some accounts may use. */
const privileged = (program: string, argv: string[]) => execa(program, argv);
