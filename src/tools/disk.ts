import type { PageFinding } from '../../blocks/page.ts';
import { type Disk, type FileSystem, readDisk } from '../postgres/disk.ts';
import { judgeDisk, stepsToFreeSpace } from '../postgres/disk-advice.ts';
import { type KnownRules, refusalOf } from '../postgres/known-refusals.ts';
import type { Asker } from '../postgres/question.ts';
import type { Target } from '../postgres/target.ts';
import type { TargetSettings } from '../target-settings.ts';
import { serverFileSystems } from './file-systems.ts';

export interface DiskReport {
  readonly disk: Disk;
  /** Undefined where the bot does not run on the server's host. */
  readonly fileSystems: readonly FileSystem[] | undefined;
  readonly findings: readonly PageFinding[];
  /** The safe ways to free space, in order, as mrkdwn. */
  readonly steps: readonly string[];
}

export interface DiskReader {
  /**
   * What takes space, by SQL and, on the server's own host, by df.
   * @throws TargetError when the target does not answer.
   */
  read(): Promise<DiskReport>;
}

export function diskReader(
  target: Asker & Pick<Target, 'ownPids'>,
  settings: Pick<TargetSettings, 'allowOtherDatabases' | 'thresholds'>,
  seeFileSystems: (disk: Disk) => Promise<FileSystem[] | undefined> = disk => serverFileSystems(disk),
): DiskReader {
  return {
    read: async () => {
      const found = await readDisk(target);
      const disk = asAllowed(found, { ...settings, ownPids: target.ownPids(), database: found.database });
      const fileSystems = await seeFileSystems(disk);
      const findings = judgeDisk(disk, fileSystems, settings.thresholds);
      return { disk, fileSystems, findings, steps: stepsToFreeSpace(disk, settings.thresholds) };
    },
  };
}

/** Adds the refusals that only the bot knows of. */
function asAllowed(disk: Disk, rules: KnownRules): Disk {
  const temporary = disk.files?.temporary.map(one => {
    const { pid } = one;
    return pid === null || one.state === null ? one : { ...one, killRefusal: refusalOf({ ...one, pid }, rules) };
  });
  return { ...disk, files: disk.files && { ...disk.files, temporary: temporary ?? [] } };
}
