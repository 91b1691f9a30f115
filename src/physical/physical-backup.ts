import type { BackupType, Pgbackrest } from '../tools/pgbackrest.ts';
import { type PhysicalSet, requirePgbackrest, setsOf } from './sets.ts';

export interface PhysicalWriter {
  /**
   * Has pgBackRest back up the whole cluster; without a full set before it, any type becomes a full one.
   * @returns the set that came of it.
   * @throws UserError when pgBackRest is not configured, or with its words.
   */
  backup(type: BackupType): Promise<PhysicalSet>;
}

export function physicalWriter(pgbackrest: Pgbackrest | undefined, signal: AbortSignal): PhysicalWriter {
  return {
    async backup(type) {
      const program = requirePgbackrest(pgbackrest);
      await program.backup(type, { signal });
      const [newest] = setsOf(await program.info(signal)).sets;
      if (!newest) throw new Error('pgBackRest took a backup and knows of none');
      return newest;
    },
  };
}
