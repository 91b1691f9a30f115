import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { UserError } from '../errors.ts';
import type { Metrics } from './metrics.ts';
import { type Needs, readiness } from './readiness.ts';

export interface HealthOptions {
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  readonly needs: Needs;
  readonly metrics: Metrics;
  readonly log: Logger;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * For supervisors, load balancers and Prometheus: /healthz answers as long as the process does, /readyz says whether it
 * takes commands, /metrics how it does.
 * @returns what closes it.
 * @throws UserError when it cannot listen there.
 */
export async function openHealthServer(options: HealthOptions): Promise<() => Promise<void>> {
  const { host, port, log } = options;
  const server = createServer((request, response) => {
    reply(request, options).then(
      answer => send(response, answer),
      error => {
        log.error({ err: error }, 'a question about health could not be answered');
        send(response, text(500, 'could not be answered\n'));
      },
    );
  });
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, host, listening.resolve);
  await listening.promise.catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`HEALTH_PORT ${port} cannot be listened on at ${host} (${cause.code}).`, {
      hint: 'Choose another port, or leave HEALTH_PORT out.',
      cause,
    });
  });
  return async () => {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    server.closeAllConnections();
    await closed.promise;
  };
}

async function reply({ method, url }: IncomingMessage, { needs, metrics }: HealthOptions): Promise<Reply> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'GET only\n');
  switch (url?.split('?')[0]) {
    case '/healthz':
      return text(200, 'alive\n');
    case '/readyz': {
      const answer = await readiness(needs);
      return { status: answer.ready ? 200 : 503, type: 'application/json', body: `${JSON.stringify(answer)}\n` };
    }
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.expose() };
    default:
      return text(404, 'There are /healthz, /readyz and /metrics.\n');
  }
}

function text(status: number, body: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
