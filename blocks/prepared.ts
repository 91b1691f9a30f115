import { header, section } from './parts.ts';
import { code, count, cut, dateToken, duration, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** What is shown of the plan to roll back a prepared transaction. */
export interface RollbackFacts {
  readonly condition: {
    readonly gid: string;
    readonly owner: string;
    readonly database: string;
    /** UTC text of the server. */
    readonly preparedAt: string;
    /** The bot acts as the owner. */
    readonly asOwner: boolean;
  };
  readonly seconds: number;
  /** `RowExclusiveLock on orders` */
  readonly locks: readonly string[];
  readonly heldUp: { readonly sessions: number; readonly longestSeconds: number };
}

const listed = 5;

/** `roll back the prepared transaction pay-42`; plain text. */
export function rollbackSummary({ condition }: RollbackFacts): string {
  return `roll back the prepared transaction ${cut(oneLine(condition.gid), 80)}`;
}

/** What an approver reads: whose it is, what ends with it, and who may think that it is safe. */
export function rollbackCard(facts: RollbackFacts): View {
  const { condition, seconds, locks } = facts;
  const question = `Roll back the prepared transaction ${cut(oneLine(condition.gid), 80)}?`;
  const prepared = `${dateToken(new Date(condition.preparedAt))}, ${duration(seconds)} ago`;
  const effect = 'What it has written is lost for good, and its locks are gone.';
  const acting = condition.asOwner ? ` The bot does it as ${code(condition.owner, 63)}.` : '';
  const risks = [
    'Its coordinator may have told others that it commits: then the systems disagree from now on. If it should have been kept, `COMMIT PREPARED` is what its owner runs instead.',
    'A coordinator that still runs may commit it meanwhile; then nothing is done here.',
  ];
  return {
    text: [
      escapeMrkdwn(question),
      `Of ${escapeMrkdwn(condition.owner)} in ${escapeMrkdwn(condition.database)}, prepared ${prepared}`,
      `Keeps locked: ${lockWords(locks)}. Holds up: ${heldUpWords(facts)}.`,
      `Effect: ${effect}${acting}`,
      `What could go wrong: ${risks.join(' ')}`,
    ].join('\n'),
    blocks: [
      header(question),
      section(
        [
          `${code(condition.gid)} of ${code(condition.owner, 63)} in ${code(condition.database, 63)}`,
          `*Prepared* ${prepared}`,
          `*Keeps locked* ${lockWords(locks)}`,
          `*Holds up* ${heldUpWords(facts)}`,
        ].join('\n'),
      ),
      section(`*Effect*\n${effect}${acting}`),
      section(`*What could go wrong*\n${risks.map(risk => `• ${risk}`).join('\n')}`),
    ],
  };
}

/** The question in the dialog of the Approve button; plain text. */
export function rollbackConfirm({ condition }: RollbackFacts): string {
  return `Roll back ${cut(oneLine(condition.gid), 80)} of ${cut(condition.owner, 63)}? What it has written is lost for good.`;
}

/** The result in one plain sentence. */
export function rollbackOutcome({ condition }: RollbackFacts): string {
  return `The prepared transaction ${cut(oneLine(condition.gid), 80)} is rolled back.`;
}

export function rollbackResultView(facts: RollbackFacts): View {
  const { sessions } = facts.heldUp;
  const verdict = escapeMrkdwn(rollbackOutcome(facts));
  const next =
    sessions === 0
      ? 'Nobody waited for it when this was asked.'
      : `${count(sessions, 'session')} waited for it when this was asked; \`/db locks\` shows who waits now.`;
  return { text: `${verdict}\n${next}`, blocks: [section(`:white_check_mark: *${verdict}*\n${next}`)] };
}

function lockWords(locks: readonly string[]): string {
  const shown = locks.slice(0, listed).map(lock => cut(escapeMrkdwn(oneLine(lock)), 120));
  const more = locks.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'no table';
}

function heldUpWords({ heldUp }: RollbackFacts): string {
  if (heldUp.sessions === 0) return 'nobody';
  return `${count(heldUp.sessions, 'session')}, the longest for ${duration(heldUp.longestSeconds)}`;
}
