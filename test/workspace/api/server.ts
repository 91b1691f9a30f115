import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Fault } from '../faults.ts';
import { rateLimiter } from '../rate-limits.ts';
import type { ApiCall } from '../types.ts';
import { chatMethods } from './chat.ts';
import { conversationMethods } from './conversations.ts';
import { fileMethods } from './files.ts';
import { type Method, SlackError, type Surroundings } from './method.ts';
import { peopleMethods } from './people.ts';
import { argumentsOf, jsonObject, readBody, uploadedContent } from './request.ts';
import { respond } from './response-url.ts';
import { viewMethods } from './views.ts';

const METHODS: Readonly<Record<string, Method>> = {
  ...chatMethods,
  ...conversationMethods,
  ...fileMethods,
  ...peopleMethods,
  ...viewMethods,
};

export interface Tokens {
  bot: string;
  app: string;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** Arguments of every method: the SDK adds the team to each call of a listener. */
const ALWAYS_TAKEN: ReadonlySet<string> = new Set(['token', 'team_id']);

const JSON_ARGUMENTS = ['blocks', 'view', 'metadata', 'files', 'attachments'];

/**
 * Serves the Web API, response_urls and uploads.
 * @returns a handler that says whether the request was one of its own.
 */
export function webApi(surroundings: Surroundings, tokens: Tokens) {
  const { state, faults } = surroundings;
  const waitFor = rateLimiter(state.now);

  function tokenOf(request: IncomingMessage, args: Record<string, unknown>): ApiCall['token'] {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? args.token;
    if (token === undefined) return 'none';
    if (token === tokens.bot) return 'bot';
    return token === tokens.app ? 'app' : 'unknown';
  }

  function authorize(method: Method, token: ApiCall['token']): void {
    if (token === 'none') throw new SlackError('not_authed');
    if (token === 'unknown') throw new SlackError('invalid_auth');
    const revocation = faults.revocation(token);
    if (revocation) throw new SlackError(revocation);
    if (token !== method.token) {
      state.violate(
        'not_allowed_token_type',
        `a call that needs the ${method.token} token came with the ${token} token`,
      );
      throw new SlackError('not_allowed_token_type');
    }
  }

  function perform(name: string, args: Record<string, unknown>, token: ApiCall['token'], fault: Fault): Answer {
    const method = METHODS[name];
    if (!method) {
      state.violate('unknown_method', name);
      return refusal('unknown_method');
    }
    try {
      authorize(method, token);
      if (fault.error) return refusal(fault.error);
      if (method.scope && !faults.scopes.has(method.scope))
        return { ...refusal('missing_scope', { needed: method.scope, provided: [...faults.scopes].join(',') }) };
      const wait = faults.limitsRate ? waitFor(name, String(args.channel)) : undefined;
      if (wait !== undefined) return rateLimited(wait);
      for (const unknown of Object.keys(args).filter(key => !ALWAYS_TAKEN.has(key) && !(key in method.args.shape)))
        state.violate('unknown_argument', `${name} does not take ${unknown}`);
      return { status: 200, body: { ok: true, ...method.run(args, surroundings) } };
    } catch (error) {
      if (error instanceof SlackError) return refusal(error.message, metadataOf(error.messages));
      if (!(error instanceof z.ZodError)) throw error;
      const messages = error.issues.map(issue => `[ERROR] ${issue.message} [json-pointer:/${issue.path.join('/')}]`);
      state.violate('invalid_arguments', `${name}: ${messages.join('; ')}`);
      return refusal('invalid_arguments', metadataOf(messages));
    }
  }

  async function call(name: string, request: IncomingMessage, query: URLSearchParams): Promise<Answer | 'dropped'> {
    const args = argumentsOf(request, await readBody(request), query);
    const token = tokenOf(request, args);
    const { token: _secret, ...recorded } = args;
    const made: ApiCall = { method: name, args: withParsedJson(recorded), at: state.now(), token };
    state.calls.push(made);
    const fault = await faults.meet(name, made.args);
    const answer = answerOf(fault) ?? perform(name, args, token, fault);
    made.answer = fault.thenDrop ? 'dropped' : { status: answer.status, body: answer.body };
    state.changed();
    return fault.thenDrop ? 'dropped' : answer;
  }

  async function respondTo(id: string, request: IncomingMessage): Promise<Answer | 'dropped'> {
    const body = jsonObject((await readBody(request)).toString());
    const channel = state.responseUrls.get(id)?.channel;
    const fault = await faults.meet('response_url', { ...body, channel });
    const early = answerOf(fault) ?? (fault.error ? { ...refusal(fault.error), status: 404 } : undefined);
    if (early) return early;
    try {
      respond(id, body, surroundings);
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      return { ...refusal(error.message, metadataOf(error.messages)), status: error.messages.length ? 400 : 404 };
    }
    return fault.thenDrop ? 'dropped' : { status: 200, body: { ok: true } };
  }

  async function upload(id: string, request: IncomingMessage): Promise<Answer | 'dropped'> {
    const expected = surroundings.uploads.get(id);
    const content = await uploadedContent(request, await readBody(request));
    const fault = await faults.meet('upload', { id });
    const early = answerOf(fault);
    if (early) return early;
    if (!expected) return { ...refusal('file_not_found'), status: 404 };
    if (content.length !== expected.length)
      state.violate('upload_length', `${expected.length} bytes were announced, ${content.length} came`);
    expected.content = content;
    return fault.thenDrop ? 'dropped' : { status: 200, body: { ok: true } };
  }

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const [, area, name = ''] = url.pathname.split('/');
    if (area !== 'api' && area !== 'response' && area !== 'upload') return false;
    const answer = await (area === 'api'
      ? call(name, request, url.searchParams)
      : area === 'response'
        ? respondTo(name, request)
        : upload(name, request));
    if (answer === 'dropped') {
      request.socket.destroy();
      return true;
    }
    const scopes = area === 'api' ? { 'x-oauth-scopes': [...faults.scopes].join(',') } : {};
    response.writeHead(answer.status, { 'content-type': 'application/json', ...scopes, ...answer.headers });
    response.end(JSON.stringify(answer.body));
    return true;
  };
}

function answerOf({ status, rateLimited: seconds }: Fault): Answer | undefined {
  if (status !== undefined) return { status, body: { ok: false, error: 'internal_error' } };
  return seconds === undefined ? undefined : rateLimited(seconds);
}

function rateLimited(seconds: number): Answer {
  return { status: 429, body: { ok: false, error: 'ratelimited' }, headers: { 'retry-after': String(seconds) } };
}

function refusal(error: string, details: Record<string, unknown> = {}): Answer {
  return { status: 200, body: { ok: false, error, ...details } };
}

function metadataOf(messages: string[]): Record<string, unknown> {
  return messages.length ? { response_metadata: { messages } } : {};
}

function withParsedJson(args: Record<string, unknown>): Record<string, unknown> {
  const parsed = JSON_ARGUMENTS.flatMap(key => {
    const value = args[key];
    if (typeof value !== 'string') return [];
    try {
      return [[key, JSON.parse(value) as unknown]];
    } catch {
      return [];
    }
  });
  return { ...args, ...Object.fromEntries(parsed) };
}
