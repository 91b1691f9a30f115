import { execa } from 'execa';

/** The account that a server runs as: its ids for `spawn`, or none for the present account. */
export interface Account {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root: then `postgres`, or where there is no such account `nobody`, takes over. */
export async function serverAccount(isRoot = process.getuid?.() === 0): Promise<Account> {
  if (!isRoot) return {};
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([idOf('-u', name), idOf('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error('PostgreSQL cannot run as root, and this machine has neither an account postgres nor nobody.');
}

async function idOf(which: '-u' | '-g', name: string): Promise<number | undefined> {
  const { failed, stdout } = await execa('id', [which, name], { reject: false });
  return failed ? undefined : Number(stdout);
}
