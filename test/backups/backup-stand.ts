import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openBackups } from '../../src/backups/backup.ts';
import type { BackupProgress, BackupRequest, Backups } from '../../src/backups/backups.ts';
import type { DumpLimits } from '../../src/backups/dump-in-snapshot.ts';
import type { OffsiteSettings } from '../../src/backups/offsite.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget, type Target } from '../../src/postgres/target.ts';
import { findInstallations, type Installation } from '../../src/tools/binaries.ts';
import type { TestDatabase } from '../cluster/database.ts';

/** A target with a folder for its backups, both of which `close` ends. */
export interface BackupStand {
  target: Target;
  backups: Backups;
  /** BACKUP_DIR */
  root: string;
  /** What is in the target's folder of backups, unfinished ones included. */
  readonly names: () => Promise<string[]>;
  /** Opens the backups again, as a restarted bot would, or with other programs. */
  reopen(options?: StandOptions): Backups;
  close(): Promise<void>;
}

export interface StandOptions {
  url?: string;
  root?: string;
  installations?: readonly Installation[];
  limits?: Partial<DumpLimits>;
  cores?: number;
  hashTables?: readonly string[];
  recipients?: readonly string[];
  offsite?: OffsiteSettings;
  now?: () => Date;
}

/** Lines that the bot logged, for tests that look at them. */
export function recordingLog() {
  const lines: { level: 'info' | 'warn'; facts: object; message: string }[] = [];
  return {
    lines,
    info: (facts: object, message: string) => void lines.push({ level: 'info', facts, message }),
    warn: (facts: object, message: string) => void lines.push({ level: 'warn', facts, message }),
  };
}

/** Opens the bot's target on a test database, and backups of it in a temporary folder. */
export async function backupStand(database: TestDatabase, options: StandOptions = {}): Promise<BackupStand> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'pg-chatops-backups-'));
  const root = options.root ?? temporary;
  const log = recordingLog();
  const target = openTarget({ name: 'portal', connection: parseConnectionUrl(options.url ?? database.botUrl), log });
  const installations = await findInstallations();
  const reopen = (own: StandOptions = {}) =>
    openBackups({
      target,
      directory: own.root ?? root,
      installations: own.installations ?? options.installations ?? installations,
      cores: own.cores ?? options.cores ?? 2,
      hashTables: own.hashTables ?? options.hashTables ?? ['id_mappings'],
      recipients: own.recipients ?? options.recipients ?? [],
      offsite: own.offsite ?? options.offsite,
      log,
      now: own.now ?? options.now ?? (() => new Date()),
      limits: { everyMs: 50, ...options.limits, ...own.limits },
    });
  return {
    target,
    backups: reopen(),
    root,
    reopen,
    names: () => readdir(path.join(root, 'portal')).catch(() => []),
    close: async () => {
      await target.close();
      await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** Ada asks for a backup. */
export function request(own: Partial<BackupRequest> = {}): BackupRequest {
  return {
    actionId: 'A-1042',
    requester: 'U0ADA',
    reason: 'before the migration',
    note: undefined,
    tables: [],
    schemaOnly: false,
    plain: false,
    ...own,
  };
}

/** Nobody cancels, and what is told of the progress is kept. */
export function watched(signal: AbortSignal = new AbortController().signal) {
  const progress: BackupProgress[] = [];
  return { signal, told: progress, progress: (step: BackupProgress) => void progress.push(step) };
}

/** Checks the files of a backup as `sha256sum --check SHA256SUMS` does, and gives the checksum of that list. */
export async function verifyChecksums(directory: string): Promise<string> {
  const list = await readFile(path.join(directory, 'SHA256SUMS'), 'utf8');
  const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
  for (const line of list.trimEnd().split('\n')) {
    const [expected, file] = line.split('  ') as [string, string];
    const actual = sha256(await readFile(path.join(directory, file)));
    if (actual !== expected) throw new Error(`${file} has SHA-256 ${actual}, not ${expected}`);
  }
  return sha256(list);
}
