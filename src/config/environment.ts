import { z } from 'zod';
import { dotted, type Problems } from './problems.ts';
import { channelId, memberId, schedule, slackApiUrl, storeUrl } from './values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How Slack reaches the bot. */
export type Transport =
  | { readonly kind: 'socket'; readonly appToken: string }
  | { readonly kind: 'http'; readonly signingSecret: string; readonly port: number };

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const botToken = z.string().regex(/^xoxb-\S+$/, 'must be a bot token, which begins with xoxb-.');
const appToken = z.string().regex(/^xapp-\S+$/, 'must be an app-level token, which begins with xapp-.');
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number from 1 to 65535.')
  .transform(Number)
  .pipe(z.number().min(1).max(65_535));

/** An address or a name of this machine, as a server listens on it. */
const host = z.string().regex(/^[\w.:-]+$/, 'must be an address of this machine.');

/** `U1, S2` as a list; an empty text is an empty list. */
const approverList = z
  .string()
  .transform(text =>
    text
      .split(',')
      .map(id => id.trim())
      .filter(id => id !== ''),
  )
  .pipe(z.array(memberId));

const settings = z.object({
  SLACK_BOT_TOKEN: botToken,
  AUDIT_CHANNEL: channelId,
  APPROVERS: approverList.default([]),
  SLACK_API_URL: slackApiUrl.optional(),
  STORE_URL: storeUrl.prefault('sqlite:state/pg-chatops.db'),
  BACKUP_SCHEDULE: schedule.optional(),
  AUDIT_KEY: z.string().min(32, 'must be 32 characters or more, such as 64 random hexadecimal digits.').optional(),
  LOG_LEVEL: z.enum(logLevels).default('info'),
  HEALTH_PORT: port.optional(),
  HEALTH_HOST: host.prefault('127.0.0.1'),
});

/** What a look at the store alone needs. */
const storeSettings = settings.pick({ STORE_URL: true, AUDIT_KEY: true });

/** Reads the settings of the store alone; each that is wrong is a problem. */
export function readStoreEnvironment(environment: Environment, problems: Problems) {
  return problems.parse(storeSettings, environment, environmentName);
}

/** The environment with its blanks trimmed; a variable that is set to nothing counts as not set. */
export function withoutBlanks(environment: Environment): Environment {
  const set = Object.entries(environment).map(([name, value]) => [name, value?.trim() || undefined] as const);
  return Object.fromEntries(set);
}

/** Reads the environment's own settings; each that is wrong is a problem and makes the result `undefined`. */
export function readEnvironment(environment: Environment, problems: Problems) {
  const transport = readTransport(environment, problems);
  const values = problems.parse(settings, environment, environmentName);
  return values && transport && { ...values, transport };
}

function readTransport(environment: Environment, problems: Problems): Transport | undefined {
  const { SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, PORT } = environment;
  if (SLACK_APP_TOKEN !== undefined) {
    const token = problems.parse(appToken, SLACK_APP_TOKEN, () => 'SLACK_APP_TOKEN');
    return token === undefined ? undefined : { kind: 'socket', appToken: token };
  }
  if (SLACK_SIGNING_SECRET === undefined) {
    const instead = PORT === undefined ? '' : ' PORT alone is not enough.';
    problems.add('SLACK_APP_TOKEN', `is missing; for HTTP, set SLACK_SIGNING_SECRET and PORT instead.${instead}`);
    return undefined;
  }
  const number = problems.parse(port, PORT, () => 'PORT');
  return number === undefined ? undefined : { kind: 'http', signingSecret: SLACK_SIGNING_SECRET, port: number };
}

/** `APPROVERS[1]` is the second entry of APPROVERS. */
function environmentName(path: readonly PropertyKey[]): string {
  const [name, index] = path;
  return typeof index === 'number' ? `${String(name)}, entry ${index + 1},` : dotted(path);
}
