import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import type { Manifest, Verification } from '../../src/backups/manifest.ts';

const dump = 'what pg_dump wrote';
const sha256 = createHash('sha256').update(dump).digest('hex');

/** The manifest of a backup of the whole portal, with what is said to be different. */
export function manifestOf(own: Partial<Manifest> = {}): Manifest {
  const takenAt = own.takenAt ?? new Date('2026-11-22T10:00:00Z');
  return {
    version: 2,
    target: 'portal',
    database: 'portal',
    server: { version: '17.4', standby: false },
    tool: { name: 'pg_dump', version: '17.4' },
    format: 'directory',
    compression: 'zstd:1',
    jobs: 2,
    partial: false,
    schemaOnly: false,
    note: null,
    safety: false,
    encryption: null,
    requestedBy: 'U0ADA',
    reason: null,
    action: 'A-1',
    startedAt: takenAt,
    takenAt,
    finishedAt: new Date(takenAt.getTime() + 9_000),
    tables: [{ schema: 'public', name: 'users', rows: 40, bytes: 16_384 }],
    files: [{ path: 'dump/toc.dat', bytes: dump.length, sha256 }],
    bytes: dump.length,
    sha256: createHash('sha256').update(`${sha256}  dump/toc.dat\n`).digest('hex'),
    verifications: [],
    copies: [],
    pinned: null,
    ...own,
  };
}

/** A backup as the catalogue gives it, named as the bot names them; its folder need not be there. */
export function backupOf(own: Partial<Manifest> = {}, directory = '/var/backups/portal'): FoundBackup {
  const manifest = manifestOf(own);
  const name = `${manifest.takenAt.toISOString().replace(/\.\d+|[-:]/g, '')}-${manifest.action}`;
  return { name, directory: path.join(directory, name), manifest };
}

/** Puts a backup with its files into a folder, as one that was taken there. */
export async function writeBackup(directory: string, own: Partial<Manifest> = {}): Promise<FoundBackup> {
  const backup = backupOf(own, directory);
  await mkdir(path.join(backup.directory, 'dump'), { recursive: true });
  await writeFile(path.join(backup.directory, 'dump', 'toc.dat'), dump);
  await writeFile(path.join(backup.directory, 'SHA256SUMS'), `${sha256}  dump/toc.dat\n`);
  await writeFile(path.join(backup.directory, 'manifest.json'), JSON.stringify(backup.manifest));
  return backup;
}

/** A verification that found nothing wrong, or the problem that it is told. */
export function verification(own: Partial<Verification> = {}): Verification {
  return {
    startedAt: new Date('2026-11-22T11:00:00Z'),
    milliseconds: 60_000,
    restoreMilliseconds: 20_000,
    action: 'A-2',
    level: own.problem ? 'files' : 'counts',
    problem: null,
    ...own,
  };
}
