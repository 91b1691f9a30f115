import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import type { FoundBackup } from '../../src/backups/backup-catalogue.ts';
import { readBackup } from '../../src/backups/backup-catalogue.ts';
import type { Installation } from '../../src/tools/binaries.ts';
import { findInstallations } from '../../src/tools/binaries.ts';
import type { TestDatabase } from '../cluster/database.ts';
import { type BackupStand, request, watched } from './backup-stand.ts';

/** Takes a backup of the stand's database. */
export async function taken(stand: BackupStand, actionId: string): Promise<FoundBackup> {
  const { directory } = await stand.backups.take(request({ actionId }), watched());
  return reread(directory);
}

/** The backup as its manifest stands now. */
export async function reread(directory: string): Promise<FoundBackup> {
  return readBackup({ name: path.basename(directory), directory });
}

/** The runbook's own form of a backup: the same manifest beside pg_dump's SQL, gzipped. */
export async function plainTwin(
  { directory, manifest }: FoundBackup,
  { cluster, name }: TestDatabase,
  { sql = (text: string) => text, schemaOnly = false } = {},
): Promise<FoundBackup> {
  const twin = `${directory}-${schemaOnly ? 'schema' : 'plain'}`;
  const { stdout } = await execa(path.join(cluster.bin, 'pg_dump'), [
    ...(schemaOnly ? ['--schema-only'] : []),
    `--dbname=${cluster.url(name)}`,
  ]);
  const content = gzipSync(sql(`${stdout}\n`));
  await mkdir(path.join(twin, 'dump'), { recursive: true });
  await writeFile(path.join(twin, 'dump/dump.sql.gz'), content);
  await writeManifest(twin, {
    ...manifest,
    format: 'plain',
    schemaOnly,
    files: await filesOf(twin, ['dump/dump.sql.gz']),
  });
  return reread(twin);
}

/** Writes a manifest as it was never meant to be: for damage. */
export async function writeManifest(directory: string, manifest: object): Promise<void> {
  await writeFile(path.join(directory, 'manifest.json'), JSON.stringify(manifest));
}

/** What the manifest and SHA256SUMS say of files, computed anew. */
export async function filesOf(directory: string, names: readonly string[]) {
  const files = await Promise.all(
    names.map(async name => ({
      path: name,
      bytes: (await stat(path.join(directory, name))).size,
      sha256: createHash('sha256')
        .update(await readFile(path.join(directory, name)))
        .digest('hex'),
    })),
  );
  const list = files.map(file => `${file.sha256}  ${file.path}\n`).join('');
  await writeFile(path.join(directory, 'SHA256SUMS'), list);
  return files;
}

/** The installation of the tests' own server. */
export async function serverInstallation({ cluster }: TestDatabase): Promise<Installation> {
  const found = (await findInstallations()).find(each => each.directory === cluster.bin);
  if (!found) throw new Error(`${cluster.bin} is not found`);
  return found;
}
