import { context, header, section } from './parts.ts';
import { bytes, code, count, cut, dateToken, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** What is shown of the plan to remove backups. */
export interface PruneFacts {
  readonly directory: string;
  readonly remove: readonly { readonly name: string; readonly takenAt: string; readonly bytes: number }[];
  readonly keep: number;
  /** The newest good one that stays; null when there is none. */
  readonly newestGood: { readonly name: string; readonly takenAt: string } | null;
}

interface PruneEnd {
  readonly removed: readonly { readonly name: string; readonly bytes: number }[];
  readonly spared: readonly { readonly name: string; readonly why: string }[];
  readonly left: number;
}

const listed = 5;

/** `remove 4 backups, 1.2 GB, the oldest of 2026-08-01`; plain text. */
export function pruneSummary({ remove }: PruneFacts): string {
  return `remove ${count(remove.length, 'backup')}, ${bytes(sum(remove))}`;
}

/** What an approver reads: which go, and what stays. */
export function pruneCard(facts: PruneFacts): View {
  const { remove, keep, newestGood, directory } = facts;
  const question = `Remove ${count(remove.length, 'backup')} that the settings no longer keep?`;
  const lines = remove
    .slice(0, listed)
    .map(each => `• ${dateToken(new Date(each.takenAt))}, ${bytes(each.bytes)}: ${code(each.name)}`);
  const more = remove.length - lines.length;
  const stays = `*Stays* ${count(keep, 'backup')}${newestGood ? `; the newest good one was taken ${dateToken(new Date(newestGood.takenAt))}: ${code(newestGood.name)}` : '; none of them is good'}.`;
  const effect = `*Effect* ${bytes(sum(remove))} become free in ${code(directory, 300)}. What is removed there cannot be brought back; copies elsewhere stay.`;
  const risk = 'A backup that is pinned by then, or kept by settings that changed, stays.';
  const all = [...lines, ...(more > 0 ? [`• and ${count(more, 'older one')}`] : [])];
  return {
    text: [escapeMrkdwn(question), ...all, stays, effect, risk].join('\n'),
    blocks: [header(question), section(all.join('\n')), section(`${stays}\n${effect}`), context(risk)],
  };
}

/** The question in the dialog of the Approve button; plain text. */
export function pruneConfirm(facts: PruneFacts): string {
  return `${cut(pruneSummary(facts), 100)}? They cannot be brought back.`.replace(/^r/, 'R');
}

/** What was removed, and what was not after all. */
export function pruneResultView({ removed, spared, left }: PruneEnd): View {
  const verdict = `Removed ${count(removed.length, 'backup')}, ${bytes(sum(removed))}. ${count(left, 'backup')} left.`;
  const kept = spared.slice(0, listed).map(({ name, why }) => `${code(name)} stays. ${escapeMrkdwn(oneLine(why))}`);
  return {
    text: [verdict, ...kept].join('\n'),
    blocks: [section(`:white_check_mark: *${verdict}*`), ...(kept.length > 0 ? [section(kept.join('\n'))] : [])],
  };
}

/** One plain sentence for the audit record. */
export function pruneOutcome({ removed, left }: PruneEnd): string {
  const names = removed.slice(0, listed).map(({ name }) => name);
  const more = removed.length - names.length;
  const which = [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return `removed ${count(removed.length, 'backup')}${which === '' ? '' : `: ${which}`}; ${left} left`;
}

function sum(backups: readonly { readonly bytes: number }[]): number {
  return backups.reduce((total, backup) => total + backup.bytes, 0);
}
