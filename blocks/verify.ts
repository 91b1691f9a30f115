import { bar } from './bar.ts';
import { nextStep } from './next-step.ts';
import { actions, button, context, header, section } from './parts.ts';
import { bytes, code, count, cut, dateToken, duration, escapeMrkdwn, oneLine, percent } from './text.ts';
import type { View } from './view.ts';

type Level = 'files' | 'readable' | 'restored' | 'counts' | 'contents';

interface ProgressFacts {
  readonly doing: string;
  readonly backup: string;
  readonly stepsDone: number;
  readonly stepsTotal: number;
  readonly bytesDone: number | undefined;
  readonly bytesTotal: number | undefined;
  readonly estimatedEnd: Date | undefined;
}

interface StepFacts {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly milliseconds: number;
  readonly said: string;
  readonly hint?: string | undefined;
}

interface ReportFacts {
  readonly backup: string;
  readonly database: string;
  readonly takenAt: Date;
  readonly level: Level | null;
  readonly wanted: Level;
  readonly problem: string | null;
  readonly steps: readonly StepFacts[];
  readonly place: string | undefined;
  readonly notes: readonly string[];
  readonly milliseconds: number;
}

interface EstimateFacts {
  readonly backup: string;
  readonly bytes: number;
  readonly level: Level;
  readonly place: string;
  readonly lastMilliseconds: number | undefined;
}

const lamps = { passed: '🟢', failed: '🔴', skipped: '⚪' } as const;

/** What a level proves, and what it leaves open. */
const levels: Record<Level, { readonly title: string; readonly open: string }> = {
  files: {
    title: 'the files are those that were written',
    open: 'Not proved: that they can be read, and that a restore comes to its end.',
  },
  readable: { title: 'it can be read to its end', open: 'Not proved: that a restore comes to its end.' },
  restored: { title: 'it can be restored', open: 'Not proved: that every table has its rows.' },
  counts: {
    title: 'restored with the rows of the snapshot',
    open: 'Not proved: that the values in the rows are right.',
  },
  contents: {
    title: 'restored, with rows, hashes and checks as they should be',
    open: 'Not proved: the values of tables that are not hashed (`backups.hash_tables`), and roles and passwords, which no dump holds.',
  },
};

/** From the lowest to the highest. */
const order = Object.keys(levels) as Level[];

const longestSentence = 400;

/** A verification at work, with the button that stops it. */
export function verifyProgress(facts: ProgressFacts, { action, now }: { action: string; now: Date }): View {
  const { doing, backup, stepsDone, stepsTotal, bytesDone, bytesTotal, estimatedEnd } = facts;
  const known = bytesDone !== undefined && bytesTotal !== undefined && bytesTotal > 0;
  const inStep = known ? Math.min(1, bytesDone / bytesTotal) : 0;
  const share = (stepsDone + inStep) / stepsTotal;
  const amount = known ? `: ${bytes(bytesDone)} of ${bytes(bytesTotal)}` : '';
  const left = estimatedEnd === undefined ? undefined : (estimatedEnd.getTime() - now.getTime()) / 1000;
  const step = `${doing}${amount}, step ${stepsDone + 1} of ${stepsTotal}`;
  const title = `Verifying ${escapeMrkdwn(backup)}`;
  const eta = left !== undefined && left > 0 ? [`About ${duration(left)} left`] : [];
  return {
    text: [title, step, ...eta].join('\n'),
    blocks: [
      section(`*${title}*\n${bar(share, 20)} ${percent(share * 100)}\n${step}`),
      ...(eta.length > 0 ? [context(...eta)] : []),
      actions(
        button({
          text: 'Cancel',
          verb: 'cancel',
          value: action,
          style: 'danger',
          confirm: {
            title: 'Cancel this verification?',
            text: 'What it needed meanwhile is removed. The backup stays as it is.',
            confirm: 'Cancel it',
          },
        }),
      ),
    ],
  };
}

/**
 * Why a verification that was to prove that a backup can be restored, with its rows counted, has not. One that was asked
 * for less has done what it should.
 *
 * @returns undefined where it has, and where it has found the backup damaged.
 */
export function notProved({ level, wanted, problem, steps }: ReportFacts): string | undefined {
  const needed = Math.min(order.indexOf(wanted), order.indexOf('counts'));
  if (problem !== null || (level !== null && order.indexOf(level) >= needed)) return undefined;
  const why = steps.filter(({ outcome }) => outcome === 'skipped').map(({ said }) => said);
  return why.length === 0 ? 'It came to no end.' : why.join(' ');
}

/** What was found: the level first, then what to do, each step, and what it does not prove. @param actionId of the verification. */
export function verifyResult(report: ReportFacts, actionId: string): View {
  const { backup, database, takenAt, level, problem, steps, place, notes } = report;
  const title = verdict(report);
  const reason = problem === null ? unreached(report) : [`🔴 ${sentence(problem)}`];
  const next = [
    ...steps.filter(({ outcome, hint }) => outcome !== 'passed' && hint).map(({ hint }) => `→ ${hint}`),
    ...(problem === null
      ? []
      : ['→ Take another with `/db backup`. Until it is done, an older one is what there is: `/db backups`.']),
  ];
  const what = `${code(backup)}: ${escapeMrkdwn(database)}, taken ${dateToken(takenAt)}`;
  const lines = steps.map(
    ({ name, outcome, milliseconds, said }) =>
      `${lamps[outcome]} *${name}* ${sentence(said)} _${duration(milliseconds / 1000)}_`,
  );
  const small = [
    ...(level === null ? [] : [levels[level].open]),
    ...(place === undefined ? [] : [`Restored in ${escapeMrkdwn(place)}; nothing of it is left.`]),
    ...notes.map(escapeMrkdwn),
  ];
  return {
    text: [sentence(title), ...reason, ...next, what, ...lines, ...small].join('\n'),
    blocks: [
      header(title),
      ...(reason.length > 0 ? [section([...reason, ...next].join('\n'))] : []),
      ...(problem === null ? [] : [actions(nextStep({ text: 'Back up now', line: 'backup', actionId }))]),
      section(what),
      section(lines.join('\n')),
      ...(small.length > 0 ? [context(...small)] : []),
    ],
  };
}

/** One plain-text sentence for the audit record. */
export function verifyOutcome(report: ReportFacts): string {
  const { backup, level, problem, milliseconds } = report;
  const reached = `level ${level ?? 'none'}${level === report.wanted ? '' : ` of ${report.wanted}`}`;
  const time = duration(milliseconds / 1000);
  if (problem !== null) return `${backup} is damaged, ${reached}: ${cut(oneLine(problem), longestSentence)} (${time})`;
  const why = notProved(report);
  if (why !== undefined)
    return `${backup} NOT proved restorable, ${reached}: ${cut(oneLine(why), longestSentence)} (${time})`;
  return `${backup} verified, ${reached}: ${level === null ? 'nothing is known of it' : levels[level].title} (${time})`;
}

/** What a verification would do, in plain text, for the card where it needs approval. */
export function verifyPreview({ backup, bytes: size, level, place, lastMilliseconds }: EstimateFacts): {
  summary: string;
  statement: string;
  effects: string[];
} {
  const restores = !['files', 'readable'].includes(level);
  return {
    summary: `verify ${backup} up to ${level}`,
    statement: restores ? `pg_restore --exit-on-error, into ${place}` : 'sha256, pg_restore --file=-',
    effects: [
      `Reads ${bytes(size)} of files${restores ? ` and restores them in ${place}` : ''}.`,
      ...(lastMilliseconds === undefined ? [] : [`The last time it took ${duration(lastMilliseconds / 1000)}.`]),
      'The backup stays as it is; what is needed meanwhile is removed.',
    ],
  };
}

function verdict(report: ReportFacts): string {
  const { level, problem, milliseconds, wanted, steps } = report;
  const time = duration(milliseconds / 1000);
  if (problem !== null) return `🔴 Damaged backup: found in ${time}`;
  const why = notProved(report);
  if (why !== undefined) return `🟡 NOT proved restorable: ${oneLine(why)}`;
  if (level === null) return `⚪ Nothing is known of the backup after ${time}`;
  const lamp = level === wanted && !steps.some(({ outcome }) => outcome === 'skipped') ? '🟢' : '🟡';
  const less = order.indexOf(level) < order.indexOf('restored') ? '. NOT proved restorable: no more was asked for' : '';
  return `${lamp} Verified: ${levels[level].title} (${level}), in ${time}${less}`;
}

/** Why it did not come to what was asked for; where the verdict says that, what it came to. */
function unreached(report: ReportFacts): string[] {
  const { level, wanted, steps, milliseconds } = report;
  if (notProved(report) !== undefined) {
    const known = level === null ? 'nothing is known of it' : `${levels[level].title} (${level})`;
    return [`Level ${wanted} not reached. What is known after ${duration(milliseconds / 1000)}: ${known}.`];
  }
  const skipped = steps.filter(({ outcome }) => outcome === 'skipped');
  if (skipped.length === 0) return [];
  const intro = level === wanted ? count(skipped.length, 'step') : `Level ${wanted}`;
  return [`🟡 ${intro} not reached: ${skipped.map(({ said }) => sentence(said)).join(' ')}`];
}

function sentence(text: string): string {
  return cut(escapeMrkdwn(oneLine(text)), longestSentence);
}
