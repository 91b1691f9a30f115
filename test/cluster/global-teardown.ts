import { expectNoBackends } from './access.ts';

/** Jest's global teardown: stops the cluster; a connection that a test file left open fails the run. */
export default async function globalTeardown(): Promise<void> {
  const cluster = globalThis.testCluster;
  if (!cluster) return;
  try {
    await expectNoBackends(cluster);
  } finally {
    await cluster.stop();
  }
}
