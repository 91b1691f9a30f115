/** The frame that pages about one aspect of a server share: verdict, reasons, what to do, numbers, one table. */
import type { ActionsBlock, Button, DataTableBlock } from '@slack/types';
import { limits } from './limits.ts';
import { nextStep } from './next-step.ts';
import { actions, button, context, header, section } from './parts.ts';
import { tableText } from './table.ts';
import { cut, escapeMrkdwn, number, oneLine } from './text.ts';
import type { View } from './view.ts';

/** One reason why something is not well. */
export interface PageFinding {
  readonly severity: 'attention' | 'critical';
  /** Plain text with the threshold it passed; names in it are not escaped. */
  readonly text: string;
  /** The next step, as mrkdwn: values in it are escaped. */
  readonly advice?: string | undefined;
  /** A command that leads on, as a button: `{ text: 'Kill 4711', line: 'kill 4711' }`. */
  readonly step?: { readonly text: string; readonly line: string } | undefined;
}

/** A labelled value; the value is mrkdwn. */
export type PageLine = readonly [label: string, mrkdwn: string];

export interface PageFacts {
  /** What is looked at: `Vacuum`. */
  readonly subject: string;
  readonly target: string;
  /** Of this look; the Refresh button takes it again. */
  readonly actionId: string;
  /** Critical ones first. */
  readonly findings: readonly PageFinding[];
  readonly lines: readonly PageLine[];
  /** Who is concerned, each with a button where one helps: above the numbers. */
  readonly concerned?: readonly { readonly mrkdwn: string; readonly button?: Button | undefined }[] | undefined;
  readonly table?: DataTableBlock | undefined;
  /** Rows of buttons for what the table shows. */
  readonly buttons?: readonly ActionsBlock[] | undefined;
  /** What stands below the table, in order, as mrkdwn. */
  readonly steps?: { readonly title: string; readonly items: readonly string[] } | undefined;
  /** Whether the server is a standby, where nothing can be changed. */
  readonly standby?: boolean | undefined;
  /** Small print, as mrkdwn: what the numbers do not hold. */
  readonly notes?: readonly string[] | undefined;
}

const lamps = { healthy: '🟢', attention: '🟡', critical: '🔴' } as const;
const words = { healthy: 'all well', attention: 'needs attention', critical: 'critical' } as const;
/** What fits on a phone's screen; more findings are counted. */
const shown = { findings: 5, advice: 4, finding: 250, steps: 4 };
/** Characters of the table in the text twin, which has to hold the rest as well. */
const plainTable = 2_000;

const standbyNote = 'This server is a standby: vacuum, and every change, is done on its primary; look and act there.';

/** One page; what is wrong and what to do about it before any number. */
export function page(facts: PageFacts): View {
  const { findings, lines, concerned = [], buttons = [], steps } = facts;
  const notes = [...(facts.standby ? [standbyNote] : []), ...(facts.notes ?? [])];
  const verdict = findings[0]?.severity ?? 'healthy';
  const title = `${lamps[verdict]} ${facts.subject} on ${facts.target}: ${words[verdict]}`;
  const reasons = findings
    .slice(0, shown.findings)
    .map(({ severity, text }) => `${lamps[severity]} ${cut(escapeMrkdwn(oneLine(text)), shown.finding)}`);
  const more = findings.length - reasons.length;
  if (more > 0) reasons.push(`and ${number(more)} more`);
  const advice = [...new Set(findings.map(finding => finding.advice).filter(text => text !== undefined))];
  const numbered = steps?.items.map((item, index) => `${index + 1}. ${item}`) ?? [];
  const next = advice.slice(0, shown.advice).map(text => `→ ${text}`);
  return {
    text: cut(
      [
        escapeMrkdwn(title),
        ...reasons,
        ...next,
        ...concerned.map(({ mrkdwn }) => mrkdwn),
        ...lines.map(([label, value]) => `${label}: ${value}`),
        ...(facts.table ? [escapeMrkdwn(tableText(facts.table, plainTable))] : []),
        ...(steps ? [steps.title, ...numbered] : []),
        ...notes,
      ].join('\n'),
      limits.messageText,
    ),
    blocks: [
      header(title),
      ...(reasons.length > 0 ? [section(reasons.join('\n'))] : []),
      ...(next.length > 0 ? [section(next.join('\n'))] : []),
      ...concerned.map(({ mrkdwn, button: step }) => section(mrkdwn, step)),
      ...(lines.length > 0 ? [section(lines.map(([label, value]) => `*${label}* ${value}`).join('\n'))] : []),
      ...(facts.table ? [facts.table] : []),
      ...buttons,
      ...(steps ? [section([`*${steps.title}*`, ...numbered].join('\n'))] : []),
      ...(notes.length > 0 ? [context(...notes)] : []),
      actions(button({ text: 'Refresh', verb: 'again', value: facts.actionId }), ...stepsOf(facts)),
    ],
  };
}

function stepsOf({ findings, actionId }: PageFacts) {
  const steps = findings.slice(0, shown.findings).flatMap(({ step }) => (step ? [step] : []));
  const different = steps.filter(({ line }, index) => steps.findIndex(other => other.line === line) === index);
  return different
    .slice(0, shown.steps)
    .map(({ text, line }, position) => nextStep({ text, line, actionId }, position));
}

/** One plain line for the audit record: `critical: autovacuum is off, and 2 more`. */
export function pageOutcome(findings: readonly PageFinding[]): string {
  const [first, ...others] = findings;
  if (!first) return 'healthy';
  return `${first.severity}: ${oneLine(first.text)}${others.length > 0 ? `, and ${number(others.length)} more` : ''}`;
}
