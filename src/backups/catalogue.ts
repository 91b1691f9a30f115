/** The backups of a target as people look at them, pin them and have them removed. None of it asks the database. */
import type { PageFinding } from '../../blocks/page.ts';
import type { PassedOver } from '../../blocks/passed-over.ts';
import { UserError } from '../errors.ts';
import type { TargetSettings } from '../target-settings.ts';
import { amendManifest } from './amend-manifest.ts';
import { findBackups, type ListedBackup, targetDirectory } from './backup-catalogue.ts';
import type { BrokenBackup } from './backups.ts';
import { chooseBackup } from './choose-backup.ts';
import { findRetained } from './completeness.ts';
import { isGood, type Owner, whyNotLatest } from './good-backup.ts';
import { type BackupGap, findGaps, judgeCatalogue } from './judge-catalogue.ts';
import type { ManifestSummary } from './manifest.ts';
import { finishRemovals, type PruneResult, prune } from './prune.ts';
import { type KeepReason, planRetention } from './retention.ts';

/** A backup with what becomes of it. */
export interface CataloguedBackup {
  /** Of its folder. */
  readonly name: string;
  readonly manifest: ManifestSummary;
  /** Whether all files that the manifest names are there, with their sizes. */
  readonly complete: boolean;
  /** Whether all of the database can be brought back from it, as far as is known. */
  readonly good: boolean;
  /** Why `latest` never means it; undefined where it may. */
  readonly passedOver: PassedOver | undefined;
  /** Why it is kept; none when the next pruning removes it. */
  readonly keptFor: readonly KeepReason[];
  /** When it is no longer kept; undefined where that depends on later backups. */
  readonly expiresAt: Date | undefined;
}

/** What lies in the folder of a target's backups. */
export interface CatalogueReport {
  readonly directory: string;
  /** Newest first. */
  readonly backups: readonly CataloguedBackup[];
  readonly broken: readonly BrokenBackup[];
  /** Stretches without a backup of the whole database, newest first. */
  readonly gaps: readonly BackupGap[];
  /** Critical ones first. */
  readonly findings: readonly PageFinding[];
}

export interface CatalogueReader {
  read(): Promise<CatalogueReport>;
}

/** Who pins a backup, and why. */
export interface PinRequest {
  /** As typed: its folder's name, the action that took it, or `latest`. */
  readonly backup: string;
  /** Slack user id. */
  readonly by: string;
  readonly reason: string | undefined;
}

export interface CataloguePinner {
  /** @throws UserError when there is no such backup, or it is pinned already. */
  pin(request: PinRequest): Promise<ListedBackup>;
  /**
   * @returns the backup as it was, with its pin.
   * @throws UserError when there is no such backup, or it is not pinned.
   */
  unpin(backup: string): Promise<ListedBackup>;
}

export interface CataloguePruner {
  /**
   * Removes those of the named backups that the settings still do not keep.
   * @param only all of them, where undefined.
   */
  prune(only: readonly string[] | undefined, mayAct: () => void): Promise<PruneResult>;
}

export interface Catalogue extends CatalogueReader, CataloguePinner, CataloguePruner {
  /** Ends the removals that a killed bot had begun; the names of those backups. For the start of the bot. */
  cleanUp(): Promise<string[]>;
}

export interface CatalogueOptions {
  readonly settings: Pick<TargetSettings, 'thresholds' | 'backups' | 'schedule' | 'offsite'>;
  readonly owner: Owner;
  /** BACKUP_DIR */
  readonly directory: string;
  readonly now: () => Date;
}

/** Opens the catalogue of a target. Each question reads the folder anew. */
export function openCatalogue({ settings, owner, directory: root, now }: CatalogueOptions): Catalogue {
  const directory = targetDirectory(root, owner.target);
  const { retention, timeZone } = settings.backups;

  async function choose(typed: string): Promise<ListedBackup> {
    return chooseBackup((await findBackups(directory)).found, typed, owner);
  }

  return {
    async read() {
      const { found, broken } = await findRetained(directory);
      const plan = planRetention(found, retention, now(), timeZone);
      const kept = new Map(plan.keep.map(each => [each.backup, each]));
      const backups = found.map(backup => ({
        name: backup.name,
        manifest: backup.manifest,
        complete: backup.complete,
        good: backup.complete && isGood(backup.manifest),
        passedOver: whyNotLatest(backup.manifest, owner) ?? (backup.complete ? undefined : 'incomplete'),
        keptFor: kept.get(backup)?.reasons ?? [],
        expiresAt: kept.get(backup)?.expiresAt,
      }));
      const strays = backups.length === 0 ? ((await owner.elsewhere?.()) ?? []) : [];
      const gaps = findGaps(backups, settings.thresholds);
      return {
        directory,
        backups,
        broken,
        gaps,
        findings: judgeCatalogue({ backups, broken, strays }, settings, now()),
      };
    },
    async pin({ backup: typed, by, reason }) {
      const backup = await choose(typed);
      const manifest = await amendManifest(backup.directory, ({ pinned }) => {
        if (pinned) throw pinnedAlready(backup.name);
        return { pinned: { by, at: now(), reason: reason ?? null } };
      });
      return { ...backup, manifest };
    },
    async unpin(typed) {
      const backup = await choose(typed);
      let before = backup.manifest;
      await amendManifest(backup.directory, manifest => {
        if (!manifest.pinned) throw new UserError(`The backup ${backup.name} is not pinned.`);
        before = manifest;
        return { pinned: null };
      });
      return { ...backup, manifest: before };
    },
    prune: (only, mayAct) => prune({ directory, policy: settings.backups, now: now(), only, mayAct }),
    cleanUp: () => finishRemovals(directory),
  };
}

function pinnedAlready(name: string): UserError {
  return new UserError(`The backup ${name} is pinned already.`, {
    hint: `\`/db backups\` says why. \`/db backup-pin ${name} --remove\` takes the pin away.`,
  });
}
