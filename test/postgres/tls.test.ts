import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { z } from 'zod';
import { TargetError } from '../../src/postgres/errors.ts';
import type { Question } from '../../src/postgres/question.ts';
import type { Login } from '../cluster/access.ts';
import { serverAccount } from '../cluster/account.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole } from '../cluster/roles.ts';
import { targetOf } from './targets.ts';

let cluster: Cluster;
let bot: Login;
let certificate: string;

const encrypted: Question<{ ssl: boolean }> = {
  name: 'encrypted',
  sql: 'SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()',
  row: z.object({ ssl: z.boolean() }),
};

beforeAll(async () => {
  cluster = await startCluster();
  bot = await createBotRole(cluster);
  certificate = path.join(cluster.dataDirectory, 'server.crt');
});
afterAll(() => cluster.stop());

async function ask(query: string): Promise<boolean | string> {
  const { target } = targetOf(`${cluster.url('postgres', bot)}?${query}`);
  try {
    const [row] = await target.ask(encrypted);
    return row!.ssl;
  } catch (error) {
    if (error instanceof TargetError) return error.message;
    throw error;
  } finally {
    await target.close();
  }
}

test('the connection is protected as sslmode says, on a server without and with TLS', async () => {
  expect(await ask('')).toBe(false);
  expect(await ask('sslmode=prefer')).toBe(false);
  expect(await ask('sslmode=require')).toMatch(/^No secure connection to portal: The server does not support SSL/);

  // For localhost only: the address 127.0.0.1, by which the server is reached, is not in it.
  await execa(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ...['-keyout', path.join(cluster.dataDirectory, 'server.key'), '-out', certificate],
    ],
    { ...(await serverAccount()), cwd: cluster.dataDirectory },
  );
  await cluster.restart({ ssl: 'on' });
  expect(await ask('')).toBe(true);
  expect(await ask('sslmode=disable')).toBe(false);
  expect(await ask('sslmode=require')).toBe(true);
  expect(await ask('sslmode=verify-full')).toMatch(/self-signed certificate/);
  expect(await ask(`sslmode=verify-ca&sslrootcert=${encodeURIComponent(certificate)}`)).toBe(true);
  expect(await ask(`sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate)}`)).toMatch(/IP: 127\.0\.0\.1/);
  expect(await ask('sslmode=verify-full&sslrootcert=/no/such/file')).toMatch(/secure|certificate/);
});
