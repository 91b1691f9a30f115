import { UserError } from '../errors.ts';
import { migrationInProgress, serverFacts } from '../postgres/dump-sessions.ts';
import { chooseTables, dumpableTables, type Table } from '../postgres/tables.ts';
import type { Target } from '../postgres/target.ts';
import { type Installation, programPath, toolsForMajor } from '../tools/binaries.ts';
import type { BackupContents } from './backups.ts';
import { bestCompression, gzipCompression } from './dump.ts';
import type { Manifest } from './manifest.ts';

/** All that is settled before the first file is written. */
export interface BackupPreparation {
  readonly tool: { readonly program: string; readonly version: string };
  readonly format: Manifest['format'];
  readonly compression: string;
  readonly jobs: number;
  readonly server: { readonly version: string; readonly standby: boolean };
  readonly database: string;
  /** `server_version_num` */
  readonly version: number;
  /** What is dumped, partitioned tables included. */
  readonly tables: readonly Table[];
  /** Whether only some tables were asked for. */
  readonly partial: boolean;
  /** Whether only definitions are dumped. */
  readonly schemaOnly: boolean;
  /** Names of the tables whose rows are hashed, where they are among those. */
  readonly hashTables: readonly string[];
  /** Picks the tables of the backup from all that there are. */
  readonly choose: (tables: readonly Table[]) => Table[];
}

/** Connections of the bot's role beside pg_dump's jobs: warm, pool of three, snapshot, pg_dump's leader. */
const connectionsBesideJobs = 6;

/**
 * Finds out what a backup needs and refuses one that cannot succeed.
 *
 * @throws UserError, also when the target does not answer.
 */
export async function prepareBackup(
  target: Target,
  { tables: typed, schemaOnly, plain }: BackupContents,
  {
    installations,
    cores,
    hashTables,
  }: { installations: readonly Installation[]; cores: number; hashTables: readonly string[] },
): Promise<BackupPreparation> {
  const version = await target.version();
  const major = Math.floor(version / 10_000);
  const installation = toolsForMajor(installations, major, ['pg_dump']);
  const program = programPath(installation, 'pg_dump');
  await refuseDuringMigration(target);
  const [facts] = await target.ask(serverFacts);
  const choose = (all: readonly Table[]) => (typed.length === 0 ? [...all] : chooseTables(all, typed));
  const tables = choose(await target.ask(dumpableTables));
  requireReadable(tables);
  const { version: serverVersion, standby, database, connectionLimit } = facts!;
  return {
    tool: { program, version: installation.version },
    format: plain ? 'plain' : 'directory',
    compression: plain ? gzipCompression(major) : await bestCompression(program, major),
    jobs:
      plain || schemaOnly ? 1 : jobsFor(withRows(tables).length, cores, connectionLimit ?? Number.POSITIVE_INFINITY),
    server: { version: serverVersion, standby },
    database,
    version,
    tables,
    partial: typed.length > 0,
    schemaOnly,
    hashTables,
    choose,
  };
}

/**
 * A dump would make the migration wait for it, and everything else wait for the migration.
 * @throws UserError when Prisma's advisory lock is held.
 */
export async function refuseDuringMigration(target: Pick<Target, 'ask'>): Promise<void> {
  const [holder] = await target.ask(migrationInProgress);
  if (!holder) return;
  throw new UserError(`A Prisma migration is running: backend ${holder.pid} holds its advisory lock (72707369).`, {
    hint: 'Start the backup when the migration is over. If no migration runs, that backend is a session left over from one.',
  });
}

/** The tables that hold rows themselves: not the partitioned ones. */
export function withRows(tables: readonly Table[]): Table[] {
  return tables.filter(({ partitioned }) => !partitioned);
}

function jobsFor(tables: number, cores: number, connectionLimit: number): number {
  return Math.max(1, Math.min(cores, tables, connectionLimit - connectionsBesideJobs));
}

/** pg_dump would refuse as well, but only after it has begun, and in the server's language. */
function requireReadable(tables: readonly Table[]): void {
  const unreadable = tables.filter(({ readable }) => !readable);
  if (unreadable.length > 0) {
    throw new UserError(`The role of the bot may not read ${list(unreadable)}.`, {
      hint: 'Grant it pg_read_all_data (PostgreSQL 14 and later), or USAGE on the schemas and SELECT on the tables.',
    });
  }
  const secured = tables.filter(({ rowSecurity }) => rowSecurity);
  if (secured.length > 0) {
    throw new UserError(`Row security hides rows of ${list(secured)} from the role of the bot.`, {
      hint: 'A backup without them would be worse than none. Give the role the attribute BYPASSRLS.',
    });
  }
}

function list(tables: readonly Table[]): string {
  const names = tables.slice(0, 5).map(({ quoted }) => quoted);
  return tables.length > names.length
    ? `${names.join(', ')} and ${tables.length - names.length} more`
    : names.join(', ');
}
