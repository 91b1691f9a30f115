import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Connection } from './connection-url.ts';
import { TargetError } from './errors.ts';

/** SSLRequest: length 8, code 80877103. https://www.postgresql.org/docs/current/protocol-message-formats.html */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * node-pg's `ssl` for a connection. Where `prefer` leaves it to the server, the server is asked, as libpq does.
 *
 * @throws TargetError when a certificate cannot be read; the system's error when the server cannot be reached.
 */
export async function tlsOptions(connection: Connection, timeoutMs: number): Promise<false | ConnectionOptions> {
  const { tls, host } = connection;
  if (tls.mode === 'disable' || host.startsWith('/')) return false;
  if (tls.mode === 'prefer' && !(await offersTls(connection, timeoutMs))) return false;
  const [ca, cert, key, pfx] = await Promise.all(
    [tls.rootCertificate, tls.certificate, tls.key, tls.identity?.path].map(read),
  );
  const verifies = tls.mode === 'verify-full' || tls.mode === 'verify-ca' || ca !== undefined;
  return {
    rejectUnauthorized: verifies,
    // verify-ca, and require with an authority named, check who signed the certificate and not for which host.
    ...(tls.mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(pfx && { pfx, passphrase: tls.identity?.password ?? '' }),
  };
}

/** Whether the server answers an SSLRequest with S. */
function offersTls({ host, port }: Connection, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port }, () => socket.write(sslRequest));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('timeout: no answer to SSLRequest')));
    socket.once('data', answer => {
      resolve(answer.toString('latin1', 0, 1) === 'S');
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('Connection terminated unexpectedly')));
  });
}

async function read(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  return readFile(path).catch((cause: unknown) => {
    throw new TargetError(`The certificate file ${path} of the target's connection string cannot be read.`, { cause });
  });
}
