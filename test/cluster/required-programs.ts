import { programOnPath } from '../../src/tools/on-path.ts';

/** Programs beside PostgreSQL that tests run for real: a test that skipped itself without them would prove nothing. */
const required = ['age', 'age-keygen', 'rclone'];

/**
 * @param search PATH.
 * @throws Error that names the missing ones, and the command that installs them.
 */
export async function requirePrograms(search: string | undefined): Promise<void> {
  const found = await Promise.allSettled(required.map(program => programOnPath(program, '', search ?? '')));
  const missing = required.filter((_, index) => found[index]?.status === 'rejected');
  if (missing.length === 0) return;
  throw new Error(
    `The tests need ${missing.join(', ')}, which are not installed: sudo apt-get install -y age rclone (Debian, Ubuntu), brew install age rclone (macOS)`,
  );
}
