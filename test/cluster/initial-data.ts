/** One data directory as initdb makes it, of which the clusters of a run's test files are copies. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { execa } from 'execa';
import type { ClusterAddress, Login } from './access.ts';
import { serverAccount } from './account.ts';
import { createDataDirectory } from './data-directory.ts';

interface InitialData {
  /** The folder of the programs that it was made with. */
  bin: string;
  data: string;
  superuser: Login;
}

const variable = 'PG_CHATOPS_TEST_INITIAL_DATA';

/** Makes it in the cluster's folder, with which it goes, and hands it on to the processes that run test files. */
export async function publishInitialData({ bin, socketDirectory: folder }: ClusterAddress): Promise<void> {
  const data = path.join(folder, 'initial');
  const superuser = { user: 'postgres', password: randomBytes(12).toString('hex') };
  await createDataDirectory({ bin, data, folder, superuser, account: await serverAccount() });
  process.env[variable] = JSON.stringify({ bin, data, superuser } satisfies InitialData);
}

/** What to copy instead of running initdb, which takes half a second of a core; nothing outside a run, or for other programs. */
export function initialData(bin: string): InitialData | undefined {
  const value = process.env[variable];
  const initial = value ? (JSON.parse(value) as InitialData) : undefined;
  return initial?.bin === bin ? initial : undefined;
}

/** Copies a folder with owners and permissions, on which a server insists. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await execa('cp', ['-a', from, to]);
}
