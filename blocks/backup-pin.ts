import { context, section } from './parts.ts';
import { bytes, code, dateToken, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** A backup, with the pin that it got or that was taken away. */
export interface PinnedBackup {
  readonly name: string;
  readonly manifest: {
    readonly takenAt: Date;
    readonly bytes: number;
    readonly pinned: { readonly by: string; readonly at: Date; readonly reason: string | null } | null;
  };
}

/** That a backup is kept for ever from now on. */
export function pinnedView({ name, manifest }: PinnedBackup): View {
  const verdict = `The backup ${code(name)} is pinned: it is kept until somebody takes the pin away.`;
  const reason = manifest.pinned?.reason ?? null;
  const what = `Data of ${dateToken(manifest.takenAt)}, ${bytes(manifest.bytes)}.`;
  const why = reason === null ? [] : [`Because: ${escapeMrkdwn(oneLine(reason))}`];
  return {
    text: [verdict, what, ...why].join('\n'),
    blocks: [
      section([`:pushpin: ${verdict}`, ...why].join('\n')),
      context(what, `\`/db backup-pin ${escapeMrkdwn(name)} --remove\` takes it away.`),
    ],
  };
}

/** That it is kept only as long as the settings say. */
export function unpinnedView({ name, manifest }: PinnedBackup): View {
  const verdict = `The backup ${code(name)} is no longer pinned.`;
  const { pinned } = manifest;
  const before = pinned ? `It was since ${dateToken(pinned.at)}, by <@${escapeMrkdwn(pinned.by)}>.` : '';
  const next = 'The settings say now how long it is kept: `/db backups` shows until when.';
  return {
    text: [verdict, before, next].filter(Boolean).join('\n'),
    blocks: [section(verdict), context(...[before, next].filter(Boolean))],
  };
}

/** One plain sentence for the audit record. */
export function pinOutcome({ name }: PinnedBackup, removed: boolean): string {
  return removed ? `backup ${name} is no longer pinned` : `backup ${name} is pinned`;
}
