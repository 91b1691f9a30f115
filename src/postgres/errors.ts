import { z } from 'zod';
import { UserError } from '../errors.ts';
import { quoteIdentifier } from './identifiers.ts';

/** What is worth keeping of a server's ErrorResponse. https://www.postgresql.org/docs/current/protocol-error-fields.html */
const serverErrorSchema = z.object({
  /** SQLSTATE, five characters; no class starts with E, as EPIPE does. https://www.postgresql.org/docs/current/errcodes-appendix.html */
  code: z.string().regex(/^(?!E)[0-9A-Z]{5}$/),
  message: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  /** Where in the statement, in characters from 1. */
  position: z.coerce.number().optional(),
});

export type ServerError = z.output<typeof serverErrorSchema>;

/** The target cannot do what was asked, and the person can do something about it: it is down, full, forbids it. */
export class TargetError extends UserError {
  override readonly name = 'TargetError';
  /** SQLSTATE, or the system's code (`ECONNREFUSED`); undefined for a time that ran out. */
  readonly code: string | undefined;
  readonly detail: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown; code?: string; detail?: string } = {}) {
    super(message, options);
    this.code = options.code;
    this.detail = options.detail;
  }
}

/** The server refused a statement for what it says: a mistake in the statement, or a fact of the data. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
  readonly code: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly position: number | undefined;

  constructor({ message, code, detail, hint, position }: ServerError, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.detail = detail;
    this.hint = hint;
    this.position = position;
  }
}

/** Our own clock ran out before the target answered. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly seconds: number;

  constructor(what: string, milliseconds: number) {
    super(`${what} took longer than ${milliseconds} ms`);
    this.seconds = Math.round(milliseconds / 1000);
  }
}

/** The server's own fields of an error, where it is one of the server. */
function serverError(error: unknown): ServerError | undefined {
  return serverErrorSchema.safeParse(error).data;
}

/** The SQLSTATE of an error, as thrown by node-pg or by this folder. */
export function sqlState(error: unknown): string | undefined {
  return serverError(error)?.code;
}

/** SQLSTATE 53300: max_connections, or the limit of the role or database, is reached. */
export function isTooManyConnections(error: unknown): boolean {
  return sqlState(error) === '53300';
}

/**
 * Whether the connection, and not the question, is what failed: the same question may be put on another connection.
 * Class 08 and 57P01 to 57P05 are the server's words for it, codes starting with E are the system's.
 */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state) return state.startsWith('08') || /^57P0[1-5]$/.test(state);
  return systemCode(error) !== undefined || (error instanceof Error && lostWords.test(error.message));
}

/** Whether a connection that stood was cut, without a last word of the server. */
export function isCut(error: unknown): boolean {
  return (
    ['ECONNRESET', 'EPIPE'].includes(systemCode(error) ?? '') ||
    (error instanceof Error && lostWords.test(error.message))
  );
}

/** node-pg gives these no code. */
const lostWords = /^Connection terminated|not queryable|^Client was closed/;

/** What an advice needs to know. Neither holds a password. */
export interface Place {
  /** Name of the target. */
  readonly target: string;
  /** The name in its connection string. */
  readonly database: string;
  /** `db.example:5432, database portal, user chatops` */
  readonly address: string;
}

/**
 * Puts an error of the target into words for the person who asked.
 *
 * @returns TargetError where the person can do something about it; StatementError for what the server says of the
 *   statement; anything else as it came.
 */
export function explain(error: unknown, place: Place): Error {
  if (error instanceof UserError || error instanceof StatementError) return error;
  if (error instanceof NoAnswer) {
    return new TargetError(`${place.target} does not answer: nothing came within ${error.seconds} s.`, {
      hint: `Look at the server itself (${place.address}): is it overloaded, stopped, or is its disk stuck?`,
      cause: error,
    });
  }
  const server = serverError(error);
  if (server) return explainServer(server, place, error);
  const code = systemCode(error);
  if (code) return explainSystem(code, place, error);
  const message = error instanceof Error ? error.message : String(error);
  if (/timeout/i.test(message)) {
    return new TargetError(`${place.target} does not answer: no connection in time.`, {
      hint: `Look at the server itself (${place.address}): is it overloaded, stopped, or behind a firewall?`,
      cause: error,
    });
  }
  if (lostWords.test(message)) {
    return new TargetError(`${place.target} closed the connection.`, {
      hint: 'It may have been restarted, or an administrator ended the session. Try again in a moment.',
      cause: error,
    });
  }
  if (/SSL|certificate|TLS/i.test(message)) {
    return new TargetError(`No secure connection to ${place.target}: ${message}.`, {
      hint: 'Check sslmode and the certificates named in its connection string.',
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(message);
}

/** Message and advice for the SQLSTATEs that a person can do something about. */
const advice: Record<string, (server: ServerError, place: Place) => { message: string; hint: string }> = {
  '28P01': ({ message }, { target, address }) => ({
    message: `${target} does not accept the bot's password.`,
    hint: `The server says: ${message}. Correct the password in the target's connection string (${address}).`,
  }),
  '28000': ({ message }, { target, address }) => ({
    message: `${target} does not let the bot in.`,
    hint: `The server says: ${message}. Check the role and pg_hba.conf for ${address}.`,
  }),
  '3D000': ({ message }, { target, database }) => ({
    message: `${target}: ${message}.`,
    hint: `If it was dropped: \`CREATE DATABASE ${quoteIdentifier(database)} OWNER …;\` on its server, the owner being the application’s role, makes it anew, empty; then \`/db restore latest\` brings its content back. If it never had that name: correct the target's connection string.`,
  }),
  '42501': ({ message, detail }, { target }) => ({
    message: `${target} does not allow this: ${message}.`,
    hint: [detail, missingGrant(message)].filter(part => part !== undefined).join(' '),
  }),
  '53300': ({ message }, { target }) => ({
    message: `${target} has no connection slot left: ${message}.`,
    hint: 'End sessions that are not needed. On PostgreSQL 16 and newer, GRANT pg_use_reserved_connections to the bot; before, name a role with REPLICATION as the emergency connection.',
  }),
  '57014': (_server, { target }) => ({
    message: `${target} took too long: the statement was stopped at its time limit.`,
    hint: 'The server may be overloaded; look at its status, then try again.',
  }),
  '55P03': ({ message }, { target }) => ({
    message: `${target}: ${message}.`,
    hint: 'Someone else holds the lock: `/db locks` shows who.',
  }),
  '57P01': ({ message }, { target }) => ({
    message: `${target} ended the bot's session: ${message}.`,
    hint: 'It may be restarting. Try again in a moment.',
  }),
  '57P02': ({ message }, { target }) => ({
    message: `${target} crashed or is recovering: ${message}.`,
    hint: 'Another backend ended abnormally. Look at the server log, then try again.',
  }),
  '57P03': ({ message }, { target }) => ({
    message: `${target} does not take connections now: ${message}.`,
    hint: 'It is starting, stopping or recovering. Try again in a moment; if it stays so, look at the server log.',
  }),
};

function explainServer(server: ServerError, place: Place, cause: unknown): Error {
  const words = advice[server.code]?.(server, place);
  if (!words) return new StatementError(server, { cause });
  return new TargetError(words.message, { hint: words.hint, cause, code: server.code, detail: server.detail });
}

/** Which GRANT lets the bot do what it was denied. https://www.postgresql.org/docs/current/predefined-roles.html */
function missingGrant(message: string): string {
  if (/schema/.test(message)) return 'GRANT USAGE on that schema to the bot, or pg_read_all_data (14 and newer).';
  if (/table|view|sequence|relation/.test(message)) {
    return 'GRANT SELECT on it to the bot, or pg_read_all_data (14 and newer).';
  }
  if (/terminat|cancel|signal/.test(message)) return 'GRANT pg_signal_backend to the bot.';
  if (/database/.test(message)) return 'GRANT CONNECT on that database to the bot.';
  if (/function/.test(message)) return 'GRANT EXECUTE on that function to the bot.';
  return 'GRANT pg_monitor to the bot, and what the statement reads.';
}

function explainSystem(code: string, place: Place, cause: unknown): Error {
  const words: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'its host name is unknown',
    EAI_AGAIN: 'its host name cannot be looked up now',
    EHOSTUNREACH: 'there is no way to its host',
    ENETUNREACH: 'there is no way to its network',
    ETIMEDOUT: 'its host does not answer',
    ENOENT: 'its socket does not exist',
    ECONNRESET: 'it cut the connection',
    EPIPE: 'it cut the connection',
  };
  return new TargetError(`${place.target} cannot be reached: ${words[code] ?? code}.`, {
    hint: `Is PostgreSQL running there (${place.address}), and are host and port right?`,
    cause,
    code,
  });
}

/** `ECONNREFUSED`, also of the several addresses of one name that all failed. */
function systemCode(error: unknown): string | undefined {
  const code = z.object({ code: z.string().regex(/^E[A-Z]+(_[A-Z]+)?$/) }).safeParse(error).data?.code;
  if (code) return code;
  return error instanceof AggregateError ? error.errors.map(systemCode).find(found => found !== undefined) : undefined;
}
