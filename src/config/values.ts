/** The kinds of value that settings share. Their messages never repeat the value: it may be a secret put in the wrong place. */
import { z } from 'zod';
import type { Approvals } from '../access/gate.ts';
import { type Connection, ConnectionUrlError, parseConnectionUrl } from '../postgres/connection-url.ts';
import { cronProblem, isTimeZone } from '../schedule/cron.ts';

/** Slack's ids are upper-case letters and digits; the first letter says what they are of. */
const idOf = (kinds: string) => new RegExp(`^[${kinds}][A-Z0-9]{1,30}$`);

/** Slack takes a channel's name in some methods and its id in all. */
export const channelId = z
  .string()
  .regex(idOf('CG'), "must be a channel's id, which begins with C or G, not its name or a link.");

/** A person (`U…`, `W…`) or a user group (`S…`). */
export const memberId = z
  .string()
  .regex(
    idOf('UWS'),
    'must be the id of a person, which begins with U or W, or of a user group, which begins with S; names are not accepted.',
  );

/** A person, a user group, or a channel (`C…`, `G…`), which stands for whoever types in it. */
export const memberOrChannelId = z
  .string()
  .regex(
    idOf('UWSCG'),
    'must be the id of a person (U or W), of a user group (S) or of a channel (C or G); names are not accepted.',
  );

const approvalCount = z.number().int().min(1).max(20);

/**
 * How many approvals an action needs: one number, or a number for each command and `default`, which is 1, for the
 * others.
 */
export const approvalCounts = z.unknown().transform((value, context): Approvals => {
  const byCommand = z.record(z.string(), z.unknown()).safeParse(value);
  const parsed = byCommand.success
    ? z.record(z.string(), approvalCount).safeParse(value)
    : approvalCount.transform(count => ({ default: count })).safeParse(value);
  if (parsed.success) return { default: 1, ...parsed.data };
  for (const issue of parsed.error.issues) context.addIssue({ ...issue, code: 'custom', message: countWording(issue) });
  return z.NEVER;
});

/** Issues of an inner schema keep their own words only when they have some. */
function countWording(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') return `must be ${issue.minimum} or more.`;
  if (issue.code === 'too_big') return `must be ${issue.maximum} or less.`;
  return issue.code === 'invalid_type' && issue.expected === 'int' ? 'must be a whole number.' : 'must be a number.';
}

export const targetName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, 'must be 1 to 40 letters, digits, "-" or "_".');

/** Upper case, as is usual: a password put here by mistake would be refused, and not repeated. */
const variableName = z
  .string()
  .regex(/^[A-Z_][A-Z0-9_]{0,99}$/, 'must be the name of an environment variable, in upper case, not its value.');

export const connectionUrl = z.string().transform(readConnection);

/** The name of the variable that holds a connection URL. */
export function connectionUrlIn(environment: Readonly<Record<string, string | undefined>>) {
  return variableName.transform((name, context) => {
    const url = environment[name];
    if (url !== undefined) return readConnection(url, context);
    context.addIssue({ code: 'custom', message: `names ${name}, which is not set in the environment.` });
    return z.NEVER;
  });
}

function readConnection(url: string, context: z.RefinementCtx): Connection {
  try {
    return parseConnectionUrl(url);
  } catch (error) {
    if (!(error instanceof ConnectionUrlError)) throw error;
    context.addIssue({ code: 'custom', message: `cannot be used: ${error.problems.join('; ')}.` });
    return z.NEVER;
  }
}

/** A folder's or file's path, kept as it is written: relative to the folder the bot is started in. */
export const path = z.string().min(1);

/** When something happens by itself: cron text such as `0 2 * * *`; `false` or `off` for never, which comes out as false. */
export const schedule = z.unknown().transform((value, context): string | false => {
  if (value === false || value === 'off') return false;
  const message = cronProblem(typeof value === 'string' ? value : '');
  if (message === undefined) return String(value);
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

export const timeZone = z.string().refine(isTimeZone, 'must be the name of a time zone in the IANA database.');

export const minutes = z.number().int().min(1).max(10_080);

/** `sqlite:` and a file's path, absolute or relative to the folder the bot is started in; or a PostgreSQL URL. */
export const storeUrl = z.string().transform((url, context) => {
  const wrong = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (/^postgres(ql)?:/.test(url)) {
    readConnection(url, context);
    return { engine: 'postgres' as const, url };
  }
  const file = /^sqlite:(?:\/\/)?(.*)$/s.exec(url)?.[1];
  if (file === undefined)
    return wrong('must begin with sqlite: and name a file, or with postgresql: and name a database.');
  if (file === '' || file === ':memory:')
    return wrong('must name a file: the record of what was done has to outlive the bot.');
  return { engine: 'sqlite' as const, file };
});

/** Where Slack's Web API is. Without TLS only on this machine: every call carries the bot's token. */
export const slackApiUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)) return url.href.replace(/\/?$/, '/');
  context.addIssue({ code: 'custom', message: 'must be an https:// URL; http:// is accepted for this machine only.' });
  return z.NEVER;
});
