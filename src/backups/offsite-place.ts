/** Where the copies of backups lie, by their names alone. */
import path from 'node:path';
import type { Manifest } from './manifest.ts';

/**
 * The place of a backup's copy: `offsite:backups/portal/20261122T171500Z-A-1042`.
 * @param remote a remote of rclone and a folder there.
 * @param directory of the backup.
 */
export function remoteOf(remote: string, directory: string): string {
  return `${folderOf(remote)}${path.basename(path.dirname(directory))}/${path.basename(directory)}`;
}

/** The copy of a backup that was compared at a remote; undefined where there is none, or one elsewhere alone. */
export function copyAt(
  remote: string,
  { name, manifest }: { readonly name: string; readonly manifest: Pick<Manifest, 'copies'> },
): Manifest['copies'][number] | undefined {
  return manifest.copies.find(copy => copy.remote.startsWith(folderOf(remote)) && copy.remote.endsWith(`/${name}`));
}

/** `offsite:` names a folder as it is, `offsite:backups` does with a slash. */
function folderOf(remote: string): string {
  return /[:/]$/.test(remote) ? remote : `${remote}/`;
}
