import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';
import { z } from 'zod';
import type { Actor } from './actor.ts';
import type { Surroundings, Upload } from './api/method.ts';
import { readBody } from './api/request.ts';
import { BOT, badgeOf, TEAM } from './people.ts';
import type { State } from './state.ts';
import type { View } from './types.ts';

const given = z.union([z.string(), z.array(z.string())]);
const typeRequest = z.strictObject({
  as: z.string(),
  in: z.string(),
  text: z.string().min(1),
  thread: z.string().optional(),
});
const clickRequest = z.strictObject({
  as: z.string(),
  channel: z.string().optional(),
  ts: z.string().optional(),
  /** A control of the open modal or of the App Home, instead of a message's. */
  view: z.enum(['modal', 'home']).optional(),
  block_id: z.string(),
  action_id: z.string(),
  value: z.string().optional(),
  selected: given.optional(),
});
const submitRequest = z.strictObject({ as: z.string(), values: z.record(z.string(), z.record(z.string(), given)) });
const closeRequest = z.strictObject({ as: z.string() });

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/** How an uploaded file is shown; what is not listed is only offered for download. CSV is text here, to be read at once. */
const SHOWN_FILES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.csv': 'text/plain; charset=utf-8',
  '.jsonl': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

export interface PageOptions {
  state: State;
  /** What was uploaded, by the id of the file. */
  uploads: Surroundings['uploads'];
  /** The person with this id or name. */
  actor: (idOrName: string) => Actor;
}

/**
 * Serves the page in the browser, what it shows and what people do on it.
 * @returns a handler that says whether the request was one of its own.
 */
export function pageRoutes({ state, uploads, actor }: PageOptions) {
  const actions: Readonly<Record<string, (body: unknown) => Promise<unknown>>> = {
    '/type': async body => {
      const { as, text, in: place, thread } = typeRequest.parse(body);
      return actor(as).types(text, { in: place, thread });
    },
    '/click': async body => {
      const { as, channel, ts, view, selected, value, ...ids } = clickRequest.parse(body);
      if (view) return actor(as).uses(ids, { in: view }, selected ?? value);
      const person = actor(as);
      const on = person.sees(channel ?? '').find(each => each.ts === ts);
      if (!on) throw new Error('that message is no longer there');
      return person.uses(ids, { on }, selected ?? value);
    },
    '/submit': async body => {
      const { as, values } = submitRequest.parse(body);
      return actor(as).submitsFilled(control => values[control.blockId]?.[control.actionId] ?? '');
    },
    '/close': async body => actor(closeRequest.parse(body).as).closes(),
  };

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const action = actions[url.pathname];
    if (request.method === 'POST' && action) {
      await act(action, request, response);
      return true;
    }
    if (request.method !== 'GET') return false;
    if (url.pathname === '/state') sendJson(response, 200, shownState(state));
    else if (url.pathname === '/events') streamChanges(state, request, response);
    else if (url.pathname.startsWith('/files/')) return sendUpload(uploads.get(url.pathname.slice(7)), response);
    else return sendFile(url.pathname === '/' ? '/page/index.html' : url.pathname, response);
    return true;
  };
}

/** A page of another site cannot send application/json here without being asked for permission first, which is never given. */
async function act(
  action: (body: unknown) => Promise<unknown>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (!request.headers['content-type']?.startsWith('application/json')) throw new Error('send application/json');
    await action(JSON.parse((await readBody(request)).toString()));
    sendJson(response, 200, {});
  } catch (error) {
    const message = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    sendJson(response, 400, { error: message });
  }
}

/** All that the page shows. */
function shownState(state: State): Record<string, unknown> {
  const views = (find: (id: string) => View | undefined) =>
    Object.fromEntries(state.people.map(({ id }) => [id, find(id) ?? null]));
  return {
    team: TEAM,
    app: { name: BOT.name },
    people: state.people.map(person => {
      const { id, name, realName } = person;
      return { id, name, realName, badge: badgeOf(person) };
    }),
    channels: state.channels.map(({ id, name, kind, members }) => ({ id, name, kind, members: [...members] })),
    messages: state.messages.filter(each => !each.deleted),
    modals: views(id => state.modals.get(id)?.at(-1)),
    homes: views(id => state.homes.get(id)),
    violations: state.violations.map(({ rule, detail, at }) => ({ what: `${rule}: ${detail}`, at })),
  };
}

function streamChanges(state: State, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('data: {}\n\n');
  const forget = state.onChange(() => response.write('data: {}\n\n'));
  request.on('close', forget);
}

/** An uploaded file, without the token that Slack asks for: whoever opens the page sees everything anyway. */
function sendUpload(upload: Upload | undefined, response: ServerResponse): boolean {
  if (!upload?.content) return false;
  const type = SHOWN_FILES[extname(upload.name)];
  response.writeHead(200, {
    'content-type': type ?? 'application/octet-stream',
    'content-disposition': `${type ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(upload.name)}`,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(upload.content);
  return true;
}

/** Only files of page/ and render/ are served; TypeScript goes out as JavaScript. */
async function sendFile(path: string, response: ServerResponse): Promise<boolean> {
  if (!/^\/(page|render)(\/[\w-][\w.-]*)+$/.test(path)) return false;
  const type = CONTENT_TYPES[extname(path)];
  if (!type) return false;
  const content = await readFile(new URL(`.${path}`, import.meta.url)).catch(() => undefined);
  if (!content) return false;
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(extname(path) === '.ts' ? stripTypeScriptTypes(content.toString()) : content);
  return true;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
