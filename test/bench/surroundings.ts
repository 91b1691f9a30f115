import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Login } from '../cluster/access.ts';
import { createBulk } from '../cluster/bulk.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createPortal } from '../cluster/portal.ts';
import { createBotRole, createPortalRole } from '../cluster/roles.ts';
import { createManyTables } from './crowd.ts';

/** What the topics share: one throwaway server, with databases that are made when the first topic needs them. */
export interface Surroundings extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly bot: Login;
  /** Owns the databases. */
  readonly owner: Login;
  /** The portal's small database, as the bot's role. */
  portalUrl(): Promise<string>;
  /** A database of mixed data of that size, as the bot's role. */
  bulkUrl(megabytes: number): Promise<string>;
  /** A database of so many tables, as the bot's role. */
  manyTablesUrl(tables: number): Promise<string>;
  /** A new folder, removed at the end. */
  newFolder(): Promise<string>;
}

/** @param say told what takes a while. */
export async function openSurroundings(say: (line: string) => void): Promise<Surroundings> {
  await using opening = new AsyncDisposableStack();
  const root = await mkdtemp(path.join(tmpdir(), 'pg-chatops-bench-'));
  const remove = () => rmSync(root, { recursive: true, force: true });
  process.once('exit', remove); // an interrupted bench ends without its disposals; server and bots end by themselves
  opening.defer(remove);
  const cluster = await startCluster();
  opening.defer(() => cluster.stop());
  const [owner, bot] = [await createPortalRole(cluster), await createBotRole(cluster)];

  const made = new Map<string, Promise<string>>();
  const once = (database: string, make: () => Promise<void>) => {
    const url = made.get(database) ?? make().then(() => cluster.url(database, bot));
    made.set(database, url);
    return url;
  };
  const opened = opening.move();
  return {
    cluster,
    bot,
    owner,
    portalUrl: () => once('portal', () => createPortal(cluster, 'portal', { owner })),
    bulkUrl: megabytes =>
      once(`bulk_${megabytes}`, () => {
        say(`making ${megabytes} MB of mixed data …`);
        return createBulk(cluster, `bulk_${megabytes}`, { owner, megabytes });
      }),
    manyTablesUrl: tables =>
      once(`tables_${tables}`, () => {
        say(`making ${tables} tables …`);
        return createManyTables(cluster, `tables_${tables}`, { owner, tables });
      }),
    newFolder: () => mkdtemp(path.join(root, 'place-')),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
