import type { PassedOver } from '../../blocks/passed-over.ts';
import type { Target } from '../postgres/target.ts';
import { type ManifestSummary, type Verification, verificationLevels } from './manifest.ts';
import type { StrayFolder } from './strays.ts';

/** Whose backups are looked at. */
export interface Owner {
  /** The target's name. */
  readonly target: string;
  /** Its database as the server names it; any counts where that is not known. */
  readonly database?: string | undefined;
  /** Finds backups beside the target's own that no configured target owns; asked where it has none. */
  readonly elsewhere?: (() => Promise<readonly StrayFolder[]>) | undefined;
}

/** Whose backups a configured target's are. PgBouncer may give a database any name: through it the server's is not known. */
export function ownerOf(
  { name, connection }: Pick<Target, 'name' | 'connection'>,
  elsewhere?: Owner['elsewhere'],
): Owner {
  return { target: name, database: connection.prisma.pgbouncer ? undefined : connection.database, elsewhere };
}

/** Whether a backup holds the rows of the whole database. */
export function isWhole({ partial, schemaOnly }: ManifestSummary): boolean {
  return !partial && !schemaOnly;
}

/** Whether it does, and its last verification, if there was one, found nothing wrong. */
export function isGood(manifest: ManifestSummary): boolean {
  return isWhole(manifest) && (manifest.verifications.at(-1)?.problem ?? null) === null;
}

/** Levels from the first real restore on: what is only whole, or only readable, may still not come back. */
const proofs = new Set(verificationLevels.slice(verificationLevels.indexOf('restored')));

/** The last verification that restored it and found nothing wrong; undefined where none has proved it restorable. */
export function lastProof({ verifications }: Pick<ManifestSummary, 'verifications'>): Verification | undefined {
  return verifications.findLast(({ level, problem }) => problem === null && level !== null && proofs.has(level));
}

/**
 * Why a backup is not what `latest` could mean, as far as its manifest tells: a good one of this target's database that
 * no restore took, for what a restore replaces is no longer wanted.
 *
 * @returns undefined where it could be.
 */
export function whyNotLatest(manifest: ManifestSummary, { target, database }: Owner): PassedOver | undefined {
  if (manifest.target !== target) return 'target';
  if (database !== undefined && manifest.database !== database) return 'database';
  if (manifest.safety) return 'safety';
  if (isGood(manifest)) return undefined;
  if (isWhole(manifest)) return 'failed';
  return manifest.schemaOnly ? 'schema' : 'partial';
}
