import type { PageFinding } from '../../blocks/page.ts';
import { mayNotEnd } from '../../blocks/refusal.ts';
import { bytes, code, count, number, percent } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, hidden, inOrder } from './advised.ts';
import { archiverTrouble } from './archiver.ts';
import type { Disk, FileSystem } from './disk.ts';
import { above, attention } from './finding.ts';

/**
 * Judges by a target's thresholds.
 * @param fileSystems undefined where the bot cannot see the server's disks.
 */
export function judgeDisk(
  disk: Disk,
  fileSystems: readonly FileSystem[] | undefined,
  thresholds: Thresholds,
): PageFinding[] {
  return inOrder([
    ...(fileSystems ?? []).map(({ mount, holds, percent: used, freeBytes }) =>
      above(used, thresholds.diskPercent, percent, value => {
        return `the file system ${mount} (${holds.join(', ')}) is ${value} full, ${bytes(freeBytes)} are free`;
      }),
    ),
    ...wal(disk, thresholds),
    ...disk.slots.map(({ name, active, retainedBytes }) =>
      above(retainedBytes, thresholds.slotRetainedBytes, bytes, value => {
        return `slot ${name} (${active ? 'active' : 'inactive'}) keeps ${value} of WAL`;
      }),
    ),
    ...temporary(disk, thresholds),
    ...unseen(disk),
  ]);
}

function* wal({ archiver, files, maxWalBytes }: Disk, thresholds: Thresholds) {
  yield archiverTrouble(archiver, thresholds);
  if (files && files.walBytes > 2 * maxWalBytes) {
    yield attention(
      `WAL takes ${bytes(files.walBytes)}, more than twice the ${bytes(maxWalBytes)} that max_wal_size and wal_keep_size allow`,
    );
  }
}

function* temporary({ files }: Disk, thresholds: Thresholds) {
  const all = files?.temporary ?? [];
  const total = all.reduce((sum, { bytes: size }) => sum + size, 0);
  const [largest] = all.filter(({ pid }) => pid !== null);
  const who = largest ? `, most of it pid ${largest.pid} (${largest.application || largest.user || 'no name'})` : '';
  const found = above(total, thresholds.temporaryBytes, bytes, value => {
    return `running queries have ${value} in temporary files${who}`;
  });
  if (!largest) yield found;
  else if (largest.killRefusal !== null) {
    yield advised(found, mayNotEnd(largest.killRefusal, `pid ${largest.pid}`));
  } else {
    const { text, line } = ending(largest);
    yield advised(found, `${text}: \`/db ${line}\``, { text, line });
  }
}

/** Cancelling stops a statement; a cursor of a session that is idle in its transaction goes with the session alone. */
function ending({ pid, state }: NonNullable<Disk['files']>['temporary'][number]) {
  return state === 'active'
    ? { text: `Cancel ${pid}`, line: `kill ${pid} --cancel` }
    : { text: `Kill ${pid}`, line: `kill ${pid}` };
}

function* unseen({ databases, files }: Disk) {
  const unknown = databases.filter(({ bytes: size }) => size === null).length;
  const parts = [
    ...(unknown > 0 ? [`the size of ${count(unknown, 'database')}`] : []),
    ...(files ? [] : ['WAL, temporary and log files']),
  ];
  if (parts.length > 0) yield hidden(parts.join(' and '), 'what fills the disk may be there');
}

/**
 * The safe ways to free space, in their order: first what costs nothing that anybody needs, as mrkdwn.
 * WAL is never deleted by hand: without it the server does not start again. No table is named: the largest are those
 * that a business lives by.
 */
export function stepsToFreeSpace(
  { archiver, files, slots }: Disk,
  thresholds: Pick<Thresholds, 'slotRetainedBytes' | 'walArchiveAgeSeconds'>,
): string[] {
  const gone = slots
    .filter(({ active, retainedBytes }) => !active && retainedBytes >= thresholds.slotRetainedBytes.attention)
    .slice(0, 3);
  const spilling = (files?.temporary ?? []).filter(one => one.pid !== null && one.killRefusal === null).slice(0, 3);
  return [
    ...(archiverTrouble(archiver, thresholds)
      ? ["Repair the archiver: its error is in the server's log. WAL that is archived goes by itself at a checkpoint"]
      : []),
    ...gone.map(({ name, retainedBytes }) => {
      const drop = code(`SELECT pg_drop_replication_slot('${name}')`);
      return `If the consumer of slot ${code(name, 63)} is gone for good: ${drop} lets go of ${bytes(retainedBytes)} of WAL`;
    }),
    ...spilling.map(one => `Stop a query that spills: \`/db ${ending(one).line}\` gives back ${bytes(one.bytes)}`),
    ...(files?.logs && files.logs.count > 1
      ? [`Move away server logs but the newest: ${number(files.logs.count)} files, ${bytes(files.logs.bytes)}`]
      : []),
    'Move away what is not the server’s: dumps, core files, package caches',
    'Drop indexes that nothing uses or another one covers: `/db indexes` lists them; that gives back at once',
    'Build bloated indexes anew, the smallest first, as each needs room for the new one: `/db bloat` lists them',
    'DROP or TRUNCATE tables that nobody needs; that gives back at once, and for good',
    'Enlarge the disk; PostgreSQL needs no restart for that',
  ];
}
