import { accessCluster, type ClusterAccess, type ClusterAddress, type Login } from './access.ts';

/** What the test files know of the one cluster of a run. */
interface SharedCluster {
  address: ClusterAddress;
  portal: Login;
}

/** The database that every test file's own is copied from. */
export const templateDatabase = 'portal_template';

const variable = 'PG_CHATOPS_TEST_CLUSTER';

/** Hands the cluster on to the processes that run test files. */
export function publishCluster({ superuser, portal, ...address }: ClusterAddress & { portal: Login }): void {
  const { bin, version, major, host, port, socketDirectory } = address;
  const shared: SharedCluster = { address: { bin, version, major, host, port, socketDirectory, superuser }, portal };
  process.env[variable] = JSON.stringify(shared);
}

/** The cluster that jest's global setup started. */
export function sharedCluster(): { cluster: ClusterAccess; portal: Login } {
  const value = process.env[variable];
  if (!value)
    throw new Error(`${variable} is not set: run tests with "npm test", whose global setup starts PostgreSQL.`);
  const { address, portal } = JSON.parse(value) as SharedCluster;
  return { cluster: accessCluster(address), portal };
}
