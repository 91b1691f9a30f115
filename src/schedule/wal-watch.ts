import { archivingTrouble, type WalReader } from '../postgres/wal.ts';
import type { Thresholds } from '../target-settings.ts';
import type { Watch } from './watcher.ts';

/** Watches whether WAL reaches the archive, where a target archives at all. */
export function walWatch(target: string, reader: WalReader, thresholds: Thresholds): Watch {
  return {
    target,
    name: 'wal',
    well: 'WAL reaches the archive again.',
    async judge() {
      const { wal } = await reader.read();
      const [first] = archivingTrouble(wal, thresholds, wal.at);
      return { bad: first && `${first.text}. Look at /db wal --on ${target}.` };
    },
  };
}
