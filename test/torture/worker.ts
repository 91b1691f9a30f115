/** Runs every so-manieth seed and posts what came of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { accessCluster, type ClusterAddress } from '../cluster/access.ts';
import { type Run, simulate } from './simulation.ts';
import { postgresStores, sqliteStores } from './stores.ts';

export interface Work {
  readonly first: number;
  readonly last: number;
  /** From one seed to the next. */
  readonly step: number;
  readonly processes: number | undefined;
  /** Where the stores are; SQLite in memory unless told. */
  readonly cluster: ClusterAddress | undefined;
}

const { first, last, step, processes, cluster } = workerData as Work;

const stores = cluster === undefined ? sqliteStores : await postgresStores(accessCluster(cluster));
for (let seed = first; seed <= last; seed += step) {
  const run: Run = await stores.with(db => simulate({ seed, db, engine: stores.engine, processes }));
  parentPort?.postMessage(run);
}
