import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { openRestores } from '../../src/restore/open-restores.ts';
import type { RestoreOptions, Restores, RestoreWatch } from '../../src/restore/restores.ts';
import { findInstallations } from '../../src/tools/binaries.ts';
import { type BackupStand, backupStand, recordingLog, request, watched } from '../backups/backup-stand.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';

const noHooks = { stop: null, migrate: null, start: null, health: null, timeoutSeconds: 30 };

/** A portal with a backup folder, whose bot may restore it. */
export interface RestoreStand {
  readonly database: TestDatabase;
  readonly stand: BackupStand;
  readonly restores: Restores;
  /** A private folder. */
  readonly folder: string;
  reopen(own?: Partial<RestoreOptions>): Restores;
  /** Runs a statement as superuser in this or another database. */
  sql(text: string, values?: unknown[], database?: string): ReturnType<TestDatabase['cluster']['admin']['sql']>;
  /** How many rows a table has, named as SQL writes it, in this or another database. */
  rows(table: string, database?: string): Promise<number>;
  /** Names of the databases that belong to this stand, the target's among them. */
  databases(): Promise<string[]>;
  /** Takes a backup of the whole database. */
  backUp(actionId?: string): Promise<string>;
  close(): Promise<void>;
}

/** What the bot's role needs beside its least privileges, as the README says. */
export async function allowRestores({ admin, bot, portal }: TestDatabase): Promise<void> {
  await admin.sql(`alter role ${bot.user} createdb`);
  await admin.sql(`grant ${portal.user} to ${bot.user}`);
}

export async function restoreStand(
  options: Partial<RestoreOptions> = {},
  database?: TestDatabase,
): Promise<RestoreStand> {
  const own = database ?? (await freshDatabase());
  await allowRestores(own);
  const stand = await backupStand(own);
  const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-restore-'));
  const installations = await findInstallations();
  const reopen = (more: Partial<RestoreOptions> = {}) =>
    openRestores({
      target: stand.target,
      installations,
      directory: stand.root,
      backups: stand.backups,
      offsite: false,
      hooks: noHooks,
      identityFile: undefined,
      cores: 2,
      log: recordingLog(),
      now: () => new Date(),
      ...options,
      ...more,
    });
  const sql: RestoreStand['sql'] = (text, values, name = own.name) => own.cluster.admin.sql(text, values, name);
  const databases = async () =>
    (
      await own.cluster.admin.sql(
        'select datname as name from pg_database where datname ^@ $1 or datname ^@ $2 order by 1',
        [own.name, own.name.match(/^.{1,20}/su)?.[0] ?? own.name],
      )
    ).map(({ name }) => name as string);
  return {
    database: own,
    stand,
    restores: reopen(),
    folder,
    reopen,
    sql,
    rows: async (table, name = own.name) => {
      const [row] = await own.cluster.admin.sql(`select count(*)::int as n from ${table}`, [], name);
      return row.n as number;
    },
    databases,
    backUp: async (actionId = 'A-1001') => {
      const { directory } = await stand.backups.take(request({ actionId }), watched());
      return path.basename(directory);
    },
    close: async () => {
      await stand.close();
      await rm(folder, { recursive: true, force: true });
      for (const name of await databases()) if (name !== own.name) await own.cluster.dropDatabase(name);
      await own.cluster.admin.sql(`alter database ${pg.escapeIdentifier(own.name)} allow_connections true`);
      await own.drop();
    },
  };
}

/** Ada's restore, which nobody cancels. */
export function watch(own: Partial<RestoreWatch> = {}): RestoreWatch & { readonly told: string[] } {
  const told: string[] = [];
  return {
    action: { id: 'A-1042', requester: 'U0ADA' },
    signal: new AbortController().signal,
    mayAct: () => {},
    progress: steps => {
      const now = steps.find(({ state }) => state === 'running')?.title;
      if (now !== undefined && told.at(-1) !== now) told.push(now);
    },
    told,
    ...own,
  };
}
