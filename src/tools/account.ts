import { execa } from 'execa';
import { UserError } from '../errors.ts';

/** The account that a program runs as: its ids, or none for the bot's own. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The account for a PostgreSQL server and for what makes its files. PostgreSQL refuses to run as root: then `postgres`
 * takes over, where there is such an account.
 *
 * @throws UserError when the bot runs as root on a machine without that account.
 */
export async function serverAccount(isRoot = process.getuid?.() === 0): Promise<Account> {
  if (!isRoot) return {};
  const [uid, gid] = await Promise.all([idOf('-u'), idOf('-g')]);
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  throw new UserError('PostgreSQL cannot run as root, as the bot does here.', {
    hint: 'Run the bot as an account of its own.',
  });
}

async function idOf(which: '-u' | '-g'): Promise<number | undefined> {
  const { failed, stdout } = await execa('id', [which, 'postgres'], { reject: false });
  return failed ? undefined : Number(stdout);
}
