import pg from 'pg';

/**
 * Does some work on a connection of its own, which is closed when the work is over, well or not.
 *
 * @param url of a database, with the role and its password.
 * @returns what the work gives.
 */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // cut between two statements, the next one says why
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
