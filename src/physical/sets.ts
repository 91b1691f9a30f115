import { UserError } from '../errors.ts';
import type { BackupType, Pgbackrest } from '../tools/pgbackrest.ts';
import type { StanzaInfo } from '../tools/pgbackrest-info.ts';

/** A backup of the whole cluster, as pgBackRest keeps it. */
export interface PhysicalSet {
  /** pgBackRest's own name: `20261122-171747F`. */
  readonly label: string;
  readonly type: BackupType;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Of the cluster, unpacked. */
  readonly bytes: number;
  /** What this set alone takes in the repository. */
  readonly repositoryBytes: number;
  /** Whether a page's checksum was wrong when it was copied. */
  readonly damaged: boolean;
  /** The set that it builds upon. */
  readonly prior: string | undefined;
}

export interface PhysicalSets {
  /** The newest first. */
  readonly sets: readonly PhysicalSet[];
  /** The first moment that can be restored; undefined while nothing can. */
  readonly from: Date | undefined;
  /** Name of the newest WAL segment in the repository. */
  readonly lastWal: string | undefined;
}

/** From when to when the database can be brought back, or why that is not known: a sentence without a full stop. */
export type RecoverableRange =
  | { readonly from: Date; readonly to: Date; readonly problem?: undefined }
  | { readonly problem: string };

export interface PhysicalReader {
  /** @throws UserError when pgBackRest is not configured, not installed, or cannot read its repository. */
  sets(): Promise<PhysicalSets>;
  /** The same where it is configured; what is amiss with pgBackRest is an answer, too: a sentence. */
  known(): Promise<PhysicalSets | { readonly problem: string } | undefined>;
  /**
   * Never throws for what is amiss with pgBackRest: that is the answer then.
   * @param archivedTo when the server archived last, by its own word.
   */
  range(archivedTo: Date | null): Promise<RecoverableRange>;
}

/** What reads a target's sets; `undefined` for a target without pgBackRest. */
export function physicalReader(pgbackrest: Pgbackrest | undefined, signal: AbortSignal): PhysicalReader {
  const sets = async () => setsOf(await requirePgbackrest(pgbackrest).info(signal));
  const known = async () => {
    if (!pgbackrest) return undefined;
    try {
      return await sets();
    } catch (error) {
      if (error instanceof UserError) return { problem: error.message };
      throw error;
    }
  };
  return {
    sets,
    known,
    async range(archivedTo) {
      const found = await known();
      if (!found) return { problem: 'only to the moments of backups, as no pgBackRest is configured' };
      if ('problem' in found) return { problem: `not known: ${found.problem}` };
      const { from } = found;
      if (!from) return { problem: 'not yet: pgBackRest has no backup set, `/db backup --physical full` makes one' };
      if (!archivedTo || archivedTo < from) return { problem: 'not known: no WAL was archived since the oldest set' };
      return { from, to: archivedTo };
    },
  };
}

/** @throws UserError that says what to configure. */
export function requirePgbackrest(pgbackrest: Pgbackrest | undefined): Pgbackrest {
  if (pgbackrest) return pgbackrest;
  throw new UserError('There is no pgBackRest for this target, which going back to a moment needs.', {
    hint: 'Set up archiving to a pgBackRest repository, and name it in CONFIG_FILE: `pgbackrest: { config: /etc/pgbackrest.conf, stanza: portal }`.',
  });
}

/** What `info` says, in our terms. */
export function setsOf({ backup, archive }: StanzaInfo): PhysicalSets {
  const sets = backup
    .map(set => ({
      label: set.label,
      type: set.type,
      startedAt: set.timestamp.start,
      finishedAt: set.timestamp.stop,
      bytes: set.info.size,
      repositoryBytes: set.info.repository.delta,
      damaged: set.error ?? false,
      prior: set.prior ?? undefined,
    }))
    .toSorted((a, b) => b.finishedAt.getTime() - a.finishedAt.getTime());
  const newestFirst = backup.toSorted((a, b) => b.timestamp.stop.getTime() - a.timestamp.stop.getTime());
  const newest = newestFirst[0];
  const wal = archive.find(({ database }) => database.id === newest?.database.id);
  const usable = newestFirst.filter(
    set => set.database.id === newest?.database.id && set.error !== true && !before(set.archive.start, wal?.min),
  );
  const oldest = usable.at(-1);
  return {
    sets,
    // pgBackRest takes a set whose stop, in whole seconds, lies before the target's second.
    from: oldest && new Date(oldest.timestamp.stop.getTime() + 1_000),
    lastWal: wal?.max ?? undefined,
  };
}

/** Whether a segment comes before another; the first eight digits are the timeline. */
function before(segment: string | null, other: string | null | undefined): boolean {
  return segment !== null && !!other && segment.slice(8) < other.slice(8);
}
