import type { SectionBlock } from '@slack/types';
import { section } from './parts.ts';
import { cut, escapeMrkdwn, number, oneLine } from './text.ts';

type Severity = 'attention' | 'critical';

/** What a page of the runbook makes of what it found. */
export interface VerdictFacts {
  readonly verdict: 'healthy' | Severity;
  /** Plain text, the worst first; names in it are not escaped. */
  readonly findings: readonly { readonly severity: Severity; readonly text: string }[];
}

const signs = { healthy: ':white_check_mark:', attention: ':warning:', critical: ':red_circle:' } as const;
/** More findings than these are counted: the numbers have to fit on a phone's screen below them. */
const most = 5;

/**
 * The first lines of a page: its reasons, the worst in bold, or that all is well.
 * @param calm what to say when there is no finding, plain text: `7 of 97 usable connections are taken`.
 */
export function verdictLines({ findings }: VerdictFacts, calm: string): string[] {
  const [worst, ...others] = findings.slice(0, most).map(({ severity, text }) => ({ severity, text: harmless(text) }));
  if (!worst) return [`${signs.healthy} *${harmless(calm)}*`];
  const more = findings.length - 1 - others.length;
  return [
    `${signs[worst.severity]} *${worst.text}*`,
    ...others.map(({ severity, text }) => `${signs[severity]} ${text}`),
    ...(more > 0 ? [`and ${number(more)} more`] : []),
  ];
}

export function verdictSection(facts: VerdictFacts, calm: string): SectionBlock {
  return section(verdictLines(facts, calm).join('\n'));
}

/** The verdict in one plain line for the audit record: `attention: 3 sessions blocked, and 2 more`. */
export function verdictOutcome({ verdict, findings }: VerdictFacts, calm: string): string {
  const [first, ...others] = findings;
  if (!first) return `${verdict}: ${oneLine(calm)}`;
  return `${verdict}: ${oneLine(first.text)}${others.length > 0 ? `, and ${number(others.length)} more` : ''}`;
}

/** In bold, an asterisk of a name would end the bold. */
function harmless(text: string): string {
  return cut(escapeMrkdwn(oneLine(text).replaceAll('*', '∗')), 250);
}
