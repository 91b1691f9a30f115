import type { PageFinding } from '../../blocks/page.ts';
import { type Disk, type FileSystem, readDisk } from '../postgres/disk.ts';
import { judgeDisk, stepsToFreeSpace } from '../postgres/disk-advice.ts';
import type { Asker } from '../postgres/question.ts';
import type { Thresholds } from '../target-settings.ts';
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
  target: Asker,
  thresholds: Thresholds,
  seeFileSystems: (disk: Disk) => Promise<FileSystem[] | undefined> = disk => serverFileSystems(disk),
): DiskReader {
  return {
    read: async () => {
      const disk = await readDisk(target);
      const fileSystems = await seeFileSystems(disk);
      const findings = judgeDisk(disk, fileSystems, thresholds);
      return { disk, fileSystems, findings, steps: stepsToFreeSpace(disk, thresholds) };
    },
  };
}
