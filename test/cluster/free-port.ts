import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to connections by themselves and to whoever listens on port 0 (Linux from 32768,
 * macOS from 49152): one of those can be taken before a server that is told its port has bound it, or while it restarts.
 * https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
 */
const [lowest, beyond] = [20_000, 32_768];

/** A port of 127.0.0.1 that nobody listens on, for a server that has to be told one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve(false);
    else reject(error);
  });
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
