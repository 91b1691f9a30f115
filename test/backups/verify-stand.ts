import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { checksumList, sha256Of } from '../../src/backups/checksum.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import type { VerificationProgress, Verifications } from '../../src/backups/verification.ts';
import { openVerifications, type VerificationOptions } from '../../src/backups/verify.ts';
import { findInstallations } from '../../src/tools/binaries.ts';
import { type BackupStand, recordingLog } from './backup-stand.ts';
import { filesOf, reread, writeManifest } from './restore-stand.ts';

/** Verifications of a stand's backups, with a folder of their own for throwaway servers. */
export interface VerifyStand {
  open(own?: Partial<VerificationOptions>): Promise<Verifications>;
  /** Where throwaway servers are made. */
  readonly temporary: string;
  /** What is there now. */
  left(): Promise<string[]>;
  close(): Promise<void>;
}

export async function verifyStand({ target, root }: Pick<BackupStand, 'target' | 'root'>): Promise<VerifyStand> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'pg-chatops-verify-'));
  // A server's account, which is not root's, passes through.
  await chmod(temporary, 0o711);
  const installations = await findInstallations();
  return {
    temporary,
    left: () => readdir(temporary),
    open: async own =>
      openVerifications({
        target,
        directory: root,
        installations,
        scratch: undefined,
        identityFile: undefined,
        checks: [],
        cores: 2,
        log: recordingLog(),
        now: () => new Date(),
        temporary,
        ...own,
      }),
    close: () => rm(temporary, { recursive: true, force: true }),
  };
}

/** Nobody cancels, and what is told is kept. */
export function following(signal: AbortSignal = new AbortController().signal) {
  const told: VerificationProgress[] = [];
  return { signal, told, progress: (progress: VerificationProgress) => void told.push(progress) };
}

let copies = 0;

/** A copy of a backup, to be damaged. */
export async function copyOf(backup: FoundBackup): Promise<FoundBackup> {
  copies += 1;
  const directory = `${backup.directory}-copy-${copies}`;
  await cp(backup.directory, directory, { recursive: true });
  return reread(directory);
}

/** Makes a manifest lie. */
export async function lie({ directory, manifest }: FoundBackup, change: Partial<Manifest>): Promise<FoundBackup> {
  await writeManifest(directory, { ...manifest, ...change });
  return reread(directory);
}

/** Makes manifest and checksums agree with whatever the files hold now: damage from before they were written. */
export async function reseal(backup: FoundBackup): Promise<FoundBackup> {
  const names = (await readdir(path.join(backup.directory, 'dump'))).sort().map(name => `dump/${name}`);
  const files = await filesOf(backup.directory, names);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return lie(backup, { files, bytes, sha256: sha256Of(checksumList(files)) });
}

/** The largest file of rows. */
export function rowsFile({ directory, manifest }: FoundBackup): string {
  const rows = manifest.files.filter(file => /\d+\.dat/.test(file.path));
  return path.join(directory, rows.toSorted((a, b) => b.bytes - a.bytes)[0]!.path);
}

/** Changes one bit in the middle. */
export async function flipBit(file: string): Promise<void> {
  const content = await readFile(file);
  const middle = Math.floor(content.length / 2);
  content[middle] = content[middle]! ^ 1;
  await writeFile(file, content);
}
