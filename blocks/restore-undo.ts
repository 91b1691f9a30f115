import { nextStep } from './next-step.ts';
import { actions, header, section } from './parts.ts';
import { bytes, code, cut, dateToken, duration, escapeMrkdwn, number, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

interface UndoFacts {
  readonly action: string;
  /** ISO 8601: when the restore took the name. */
  readonly at: string;
  readonly current: { readonly name: string; readonly bytes: number };
  readonly before: { readonly name: string; readonly bytes: number | null };
  readonly aside: string;
  readonly applications: readonly { readonly application: string; readonly sessions: number }[];
}

const listed = 5;

export function undoSummary({ action, current }: UndoFacts): string {
  return `swap ${current.name} back to what it was before ${action}`;
}

export function undoCard({ action, at, current, before, aside, applications }: UndoFacts): View {
  const title = `Swap ${cut(oneLine(current.name), 60)} back to before ${action}?`;
  const who = applications.slice(0, listed).map(each => `${code(each.application, 60)} (${number(each.sessions)})`);
  const lines = [
    `*Comes back* ${code(before.name, 63)}${before.bytes === null ? '' : `, ${bytes(before.bytes)}`}: the database as it was ${dateToken(new Date(at))}`,
    `*Is set aside* the restored one, ${bytes(current.bytes)}, as ${code(aside, 63)}`,
    `*Disconnects* ${who.join(', ') || 'nobody: there is no session'}`,
  ];
  const effect = `*Effect* The two swap names, and connections are refused for usually under 0.1 s. What was written since ${dateToken(new Date(at))} is then only in ${code(aside, 63)}.`;
  return {
    text: [escapeMrkdwn(title), ...lines, effect].join('\n'),
    blocks: [header(title), section(lines.join('\n')), section(effect)],
  };
}

export function undoConfirm({ current, action, at }: UndoFacts): string {
  return `Swap ${cut(current.name, 63)} back to before ${action}? What was written since ${utc(new Date(at))} is set aside.`;
}

interface Undone {
  readonly closedMilliseconds: number | undefined;
}

export function undoOutcome({ current, action, aside }: UndoFacts, { closedMilliseconds }: Undone): string {
  const closed = closedMilliseconds === undefined ? 'a moment' : duration(closedMilliseconds / 1000);
  return `${current.name} is as it was before ${action}; connections were refused for ${closed}; what the restore had brought is ${aside}.`;
}

export function undoResult(facts: UndoFacts, undone: Undone, actionId: string): View {
  const outcome = escapeMrkdwn(undoOutcome(facts, undone));
  const next = `→ Drop ${code(facts.aside, 63)} when nobody needs what was restored: it takes room on the disk.`;
  return {
    text: `${outcome}\n${next}`,
    blocks: [
      section(`:white_check_mark: *${outcome}*\n${next}`),
      actions(nextStep({ text: 'Drop it', line: `restore-cleanup ${facts.action}`, actionId, style: 'danger' })),
    ],
  };
}

interface CleanupFacts {
  readonly action: string;
  readonly role: 'before' | 'after' | 'restoring';
  readonly name: string;
  readonly of: string;
  readonly at: string;
  readonly bytes: number | null;
}

const roles = {
  before: 'as it was before',
  after: 'as it was restored, taken out again by the undo of',
  restoring: 'half restored by',
} as const;

export function cleanupSummary({ name, bytes: size }: CleanupFacts): string {
  return `drop the database ${name}${size === null ? '' : `, ${bytes(size)}`}`;
}

export function cleanupCard(facts: CleanupFacts): View {
  const { action, role, name, of, at, bytes: size } = facts;
  const title = `Drop the database ${cut(oneLine(name), 100)}?`;
  const lines = [
    `*What it is* ${code(of, 63)} ${roles[role]} ${escapeMrkdwn(action)}, set aside ${dateToken(new Date(at))}`,
    `*Frees* ${size === null ? 'an unknown size' : bytes(size)}`,
    '*Disconnects* nobody: there is no session',
  ];
  const effect =
    role === 'before'
      ? `*Effect* Its rows are gone for good, and ${escapeMrkdwn(action)} can no longer be undone. The safety backup of that restore stays, where one was taken.`
      : '*Effect* Its rows are gone for good.';
  return {
    text: [escapeMrkdwn(title), ...lines, effect].join('\n'),
    blocks: [header(title), section(lines.join('\n')), section(effect)],
  };
}

export function cleanupConfirm({ name }: CleanupFacts): string {
  return `Drop the database ${cut(name, 63)}? Its rows are gone for good.`;
}

export function cleanupOutcome({ name, bytes: size }: CleanupFacts): string {
  return `The database ${name} is dropped${size === null ? '' : `; ${bytes(size)} are free`}.`;
}

export function cleanupResult(facts: CleanupFacts): View {
  const text = escapeMrkdwn(cleanupOutcome(facts));
  return { text, blocks: [section(`:white_check_mark: *${text}*`)] };
}
