/** The program pgBackRest, which backs up whole clusters with their WAL. https://pgbackrest.org/command.html */
import path from 'node:path';
import { UserError } from '../errors.ts';
import type { Account } from './account.ts';
import { runClientProgram } from './client-program.ts';
import { programOnPath } from './on-path.ts';
import { explainPgbackrest } from './pgbackrest-errors.ts';
import { type BackupSet, parseInfo, type StanzaInfo, stanzaProblem } from './pgbackrest-info.ts';

/** Which clusters' backups, by whose configuration. */
export interface Stanza {
  /** Path of pgbackrest.conf. */
  readonly config: string;
  readonly stanza: string;
}

export type BackupType = BackupSet['type'];

/** A restore that touches nothing but a folder of its own. */
export interface RestorePlan {
  /** Becomes the data directory: an empty folder that only its account may read. */
  readonly data: string;
  /** Becomes the folder of all tablespaces. */
  readonly tablespaces: string;
  /** For pgBackRest's own lock files, so that no other run of it is in the way. */
  readonly locks: string;
  readonly target: {
    readonly at: Date /** Whether what was committed at that very moment is left out. */;
    readonly exclusive: boolean;
  };
}

interface RunOptions {
  readonly signal: AbortSignal;
  /** Called with its process id. */
  readonly started?: (pid: number) => Promise<void>;
}

export interface Pgbackrest {
  /**
   * What the repository holds.
   * @throws UserError when it cannot be read, or has no such stanza.
   */
  info(signal: AbortSignal): Promise<StanzaInfo>;
  /**
   * Has the server finish its present WAL segment, and waits until that is in the repository.
   * @throws UserError when archiving is broken, or the server cannot be reached by pgBackRest's own way.
   */
  check(signal: AbortSignal): Promise<void>;
  /** @throws UserError with pgBackRest's words. */
  backup(type: BackupType, options: RunOptions): Promise<void>;
  /** @throws UserError with pgBackRest's words: no set is old enough, no right to the repository, a full disk. */
  restore(plan: RestorePlan, options: RunOptions): Promise<void>;
  /** What a restored server is to fetch its WAL with: a line for a shell, as `restore_command` takes it. */
  restoreCommand(plan: Pick<RestorePlan, 'data' | 'locks'>): string;
  /** The argv of a backup, program first, for people to read. */
  backupArguments(type: BackupType): readonly string[];
}

const howToInstall =
  'Install it there: `apt-get install pgbackrest` (Debian, Ubuntu) or `dnf install pgbackrest`, in a version that knows the server’s, then ask again.';

/** An answer about the repository that takes longer waits for a store that is away. */
const infoTimeoutMs = 60_000;

/** Secrets of pgBackRest that are given by its environment, such as the repository's key, and of cloud stores. */
const inherited = /^(?:PGBACKREST_|AWS_)/;

/**
 * @param options.program `pgbackrest` on PATH unless told.
 * @param options.account as whom it runs; the bot's own account unless told.
 */
export function openPgbackrest(
  { config, stanza }: Stanza,
  { program = 'pgbackrest', account }: { readonly program?: string; readonly account?: () => Promise<Account> } = {},
): Pgbackrest {
  const common = [`--config=${path.resolve(config)}`, `--stanza=${stanza}`];
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && inherited.test(name) ? [[name, value]] : [],
    ),
  );

  async function run(what: string, argv: readonly string[], { signal, started }: RunOptions): Promise<string> {
    signal.throwIfAborted();
    const said: string[] = [];
    const end = await runClientProgram(
      await programOnPath(program, howToInstall),
      [...common, ...errorsOnly, ...argv],
      {
        environment,
        signal,
        said: line => void said.push(line),
        ...(started && { started }),
        ...(account && { account: await account() }),
      },
    );
    signal.throwIfAborted();
    if (end.failed) throw explainPgbackrest(what, end);
    return said.join('\n');
  }

  return {
    async info(signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(infoTimeoutMs)]);
      const info = parseInfo(await run('read its repository', ['info', '--output=json'], { signal: within }), stanza);
      const problem = info ? stanzaProblem(info) : 'it is not there';
      if (info && problem === undefined) return info;
      throw new UserError(`pgBackRest’s stanza ${stanza} cannot be used: ${problem}.`, {
        hint: 'Check `pgbackrest` of CONFIG_FILE, and whether the account of the bot may read the repository.',
      });
    },
    check: async signal => void (await run('check the archive', ['check'], { signal })),
    backup: async (type, options) => void (await run('take the backup', backupArgv(type), options)),
    restore: async (plan, options) => void (await run('restore', restoreArgv(plan), options)),
    restoreCommand: plan =>
      [program, ...common, ...scratchArgv(plan), '--no-archive-async', ...errorsOnly, 'archive-get']
        .map(shellWord)
        .concat('%f', '"%p"')
        .join(' '),
    backupArguments: type => ['pgbackrest', ...common, ...backupArgv(type)],
  };
}

const errorsOnly = ['--log-level-console=off', '--log-level-stderr=error'];

function backupArgv(type: BackupType): string[] {
  return [`--type=${type}`, 'backup'];
}

/**
 * Whatever the configuration says for a restore in place is taken back here: `delta`, `link-all` and tablespaces would
 * reach into the living server's own folders, `pg1-host` into another machine, `recovery-option` into its replication.
 * https://pgbackrest.org/command.html#command-restore
 */
function restoreArgv(plan: RestorePlan): string[] {
  const { tablespaces, target } = plan;
  return [
    ...scratchArgv(plan),
    '--no-delta',
    '--no-link-all',
    '--reset-link-map',
    '--reset-recovery-option',
    '--reset-tablespace-map',
    `--tablespace-map-all=${tablespaces}`,
    '--type=time',
    `--target=${target.at.toISOString().replace('T', ' ').replace('Z', '+00')}`,
    ...(target.exclusive ? ['--target-exclusive'] : []),
    '--target-action=promote',
    '--archive-mode=off',
    'restore',
  ];
}

function scratchArgv({ data, locks }: Pick<RestorePlan, 'data' | 'locks'>): string[] {
  return ['--reset-pg1-host', `--pg1-path=${data}`, `--lock-path=${locks}`, '--log-level-file=off'];
}

/** In single quotes, for the shell that PostgreSQL runs restore_command with; its own `%` are doubled. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`).replaceAll('%', '%%')}'`;
}
