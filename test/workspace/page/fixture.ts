import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { State } from './state.ts';

/** A page served over canned states, with every POST on record. */
export interface Fixture {
  url: string;
  /** What was posted, oldest first. */
  posts: { path: string; body: Record<string, unknown> }[];
  /** Changes the state and tells every open page. */
  change(changes: Partial<State>): void;
  /** Answers the next POSTs to this path with this refusal; without one they succeed again. */
  refuse(postPath: string, error: string | undefined): void;
  close(): Promise<void>;
}

const ROOT = path.join(import.meta.dirname, '..');
const TYPES: Record<string, string> = { '.html': 'text/html', '.css': 'text/css', '.ts': 'text/javascript' };

async function sendFile(name: string, response: ServerResponse): Promise<void> {
  const extension = path.extname(name);
  const text = await readFile(path.join(ROOT, name), 'utf8');
  response.setHeader('content-type', `${TYPES[extension]}; charset=utf-8`);
  response.end(extension === '.ts' ? stripTypeScriptTypes(text) : text);
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = await Array.fromAsync(request);
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
}

/** Serves the page from this folder on a free port, over a state that the test changes. */
export async function servePage(initial: State): Promise<Fixture> {
  let state = initial;
  const posts: Fixture['posts'] = [];
  const refusals = new Map<string, string>();
  const listeners = new Set<ServerResponse>();

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page');
    if (request.method === 'POST') {
      posts.push({ path: pathname, body: await bodyOf(request) });
      const error = refusals.get(pathname);
      response.writeHead(error ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(error ? { error } : {}));
    } else if (pathname === '/state') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(state));
    } else if (pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(':\n\n');
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
    } else {
      await sendFile(pathname === '/' ? '/page/index.html' : pathname, response);
    }
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.statusCode = 404;
      response.end(String(error));
    });
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    posts,
    change(changes) {
      state = { ...state, ...changes };
      for (const listener of listeners) listener.write('data: changed\n\n');
    },
    refuse(postPath, error) {
      if (error === undefined) refusals.delete(postPath);
      else refusals.set(postPath, error);
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
