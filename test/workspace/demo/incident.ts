import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Cluster, startCluster } from '../../cluster/cluster.ts';
import { ensurePostgres } from '../../cluster/install.ts';
import { startPortalLoad } from '../../cluster/load.ts';
import { createPortal, portalSizes } from '../../cluster/portal.ts';
import { createBotRole, createPortalRole } from '../../cluster/roles.ts';
import { startWorkspace, type Workspace } from '../workspace.ts';
import { type BotProcess, startBotProcess } from './bot-process.ts';

/** A PostgreSQL in trouble, a workspace, and the bot between them. */
export interface Incident {
  readonly slack: Workspace;
  readonly postgresVersion: string;
  /** Process ids of the session that is idle in transaction, and of the one that waits for it. */
  readonly pids: { readonly idle: number; readonly blocked: number };
  readonly bot: BotProcess;
  /** `undefined` when the bot's log goes to the terminal. */
  readonly logFile: string | undefined;
  /** The last lines of the bot's log. */
  lastLogged(): Promise<string>;
  /** Ends every process and removes every file. */
  close(): Promise<void>;
}

export interface IncidentOptions {
  readonly small: boolean;
  readonly verbose: boolean;
  readonly port: number | undefined;
  /** Ends the start; what was started by then is gone when `openIncident` rejects. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Where the page is, unless somebody else is there. */
const usualPort = 8055;

/** The two who may approve. */
const approvers = ['ben', 'cleo'];

/** A limit that the bar in `/db status` can be seen against. */
const clusterSettings = { max_connections: '40', track_activity_query_size: '4096', autovacuum_naptime: '1min' };

/**
 * Starts everything, in the order in which one thing needs another.
 * @throws Error when something does not start or `signal` aborts; nothing is left behind then.
 */
export async function openIncident(options: IncidentOptions): Promise<Incident> {
  await using starting = new AsyncDisposableStack();
  const { signal, say, small, verbose } = options;

  const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-demo-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const bin = await ensurePostgres();
  signal.throwIfAborted();

  say(`Starting a throwaway PostgreSQL with the programs of ${bin} …`);
  const cluster = await startCluster({ bin, settings: clusterSettings });
  starting.defer(() => cluster.stop());
  signal.throwIfAborted();

  const size = small ? portalSizes.test : portalSizes.demo;
  say(`Filling it: ${size.users.toLocaleString('en-US')} users, their orders and mappings …`);
  const [portal, chatops] = await Promise.all([createPortalRole(cluster), createBotRole(cluster)]);
  await cancelledBy(signal, cluster, portal.user, () => createPortal(cluster, 'portal', { owner: portal, size }));
  await allowHeapChecks(cluster, chatops.user);
  await allowRestores(cluster, chatops.user, portal.user);

  say('Starting its applications, one of which forgot a transaction …');
  const load = await startPortalLoad(cluster.url('portal', portal));
  starting.defer(() => load.stop());
  signal.throwIfAborted();

  const slack = await startWorkspaceOn(options.port);
  starting.defer(() => slack.stop());

  say('Starting the bot …');
  const logFile = verbose ? undefined : path.join(folder, 'bot.log');
  const lastLogged = async () =>
    logFile === undefined ? '' : (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-8).join('\n');
  const bot = startBotProcess(
    {
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      DATABASE_URL: cluster.url('portal', chatops),
      AUDIT_CHANNEL: slack.channel('#db-audit').id,
      APPROVERS: approvers.map(name => slack.person(name).id).join(','),
      STORE_URL: `sqlite:${path.join(folder, 'store.db')}`,
      BACKUP_DIR: path.join(folder, 'backups'),
      BACKUP_SCHEDULE: 'off',
      PG_BIN: bin,
    },
    logFile,
  );
  starting.defer(() => bot.stop());
  const died = bot.ended.then(async ({ how }) => {
    throw new Error(`The bot ended ${how} before it was ready.\n${await lastLogged()}`);
  });
  const connected = slack.until(() => slack.connections > 0, 'the bot to connect', 20_000);
  const aborted = once(signal, 'abort').then(() => signal.throwIfAborted());
  await Promise.race([connected, died, aborted]);
  signal.throwIfAborted();
  for (const late of [died, aborted]) late.catch(() => {}); // from now on these are the caller's concern

  const started = starting.move();
  return {
    slack,
    postgresVersion: cluster.version,
    pids: { idle: load.idle.pid, blocked: load.blocked.pid },
    bot,
    logFile,
    lastLogged,
    close: () => started.disposeAsync(),
  };
}

/** `/db integrity --deep` needs the extension, where the server has it, and its two functions. */
async function allowHeapChecks(cluster: Cluster, role: string): Promise<void> {
  const available = await cluster.admin.sql("select from pg_available_extensions where name = 'amcheck'");
  if (available.length === 0) return;
  for (const statement of ['create extension amcheck', `grant execute on all functions in schema public to ${role}`])
    await cluster.admin.sql(statement, [], 'portal');
}

/** What the README's section about restoring grants on top of the role that the bot needs for all else. */
async function allowRestores(cluster: Cluster, role: string, owner: string): Promise<void> {
  for (const statement of [`alter role ${role} createdb`, `grant ${owner} to ${role}`])
    await cluster.admin.sql(statement);
}

/** The port asked for; the usual one, or any, when none was. */
async function startWorkspaceOn(port: number | undefined): Promise<Workspace> {
  if (port !== undefined) return startWorkspace({ port });
  return startWorkspace({ port: usualPort }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return startWorkspace();
  });
}

/** Runs the work; once the signal aborts, whatever statement the role runs for it is cancelled. */
async function cancelledBy(
  signal: AbortSignal,
  cluster: Cluster,
  role: string,
  work: () => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  let repeated: NodeJS.Timeout | undefined;
  const cancel = () => {
    const statement = 'select pg_cancel_backend(pid) from pg_stat_activity where usename = $1';
    cluster.admin.sql(statement, [role]).catch(() => {}); // then the work ends by itself
  };
  const keepCancelling = () => {
    repeated = setInterval(cancel, 100); // one that comes between two statements has no effect
  };
  signal.addEventListener('abort', keepCancelling);
  try {
    await work();
  } finally {
    signal.removeEventListener('abort', keepCancelling);
    clearInterval(repeated);
  }
  signal.throwIfAborted();
}
