import type { PageFinding } from '../../blocks/page.ts';
import { attention, type Finding } from './finding.ts';

/**
 * A finding with the next step.
 * @param advice mrkdwn: values in it are escaped.
 * @param step a command that a button offers.
 */
export function advised(
  finding: Finding | undefined,
  advice: string,
  step?: PageFinding['step'],
): PageFinding | undefined {
  return finding && { ...finding, advice, step };
}

/** What was found, the critical first, otherwise in the order given. */
export function inOrder(found: Iterable<PageFinding | undefined>): PageFinding[] {
  const findings = [...found].filter(finding => finding !== undefined);
  return findings.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

const rank = { critical: 0, attention: 1 } as const;

export const grantMonitor = 'As a superuser: `GRANT pg_monitor TO` the role that the bot logs in as';

/**
 * What a role without pg_monitor cannot see, it cannot judge.
 * @param what is not seen: `3 sessions`.
 * @param incomplete what that leaves open.
 */
export function hidden(what: string, incomplete: string): PageFinding {
  return {
    ...attention(`hidden from the bot: ${what}; ${incomplete}`),
    advice: grantMonitor,
  };
}
