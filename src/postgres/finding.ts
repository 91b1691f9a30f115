export type Severity = 'attention' | 'critical';

/** One reason why something is not healthy. */
export interface Finding {
  readonly severity: Severity;
  /** Plain text with the threshold it passed; names in it are not escaped. */
  readonly text: string;
}

export interface Judged {
  readonly verdict: 'healthy' | Severity;
  /** Critical ones first. */
  readonly findings: readonly Finding[];
}

/** The verdict that findings add up to. */
export function judged(found: readonly (Finding | undefined)[]): Judged {
  const findings = [...bySeverity(found, 'critical'), ...bySeverity(found, 'attention')];
  return { verdict: findings[0]?.severity ?? 'healthy', findings };
}

/**
 * A finding where a value reaches a threshold; none for a value of 0.
 * @param words the value and the threshold with their unit.
 * @param say the sentence around the value.
 */
export function above(
  value: number,
  { attention: low, critical: high }: { attention: number; critical: number },
  words: (value: number) => string,
  say: (value: string) => string,
): Finding | undefined {
  if (value >= high && value > 0) return critical(`${say(words(value))} (critical from ${words(high)})`);
  if (value >= low && value > 0) return attention(`${say(words(value))} (attention from ${words(low)})`);
  return undefined;
}

export function attention(text: string): Finding {
  return { severity: 'attention', text };
}

export function critical(text: string): Finding {
  return { severity: 'critical', text };
}

function bySeverity(found: readonly (Finding | undefined)[], wanted: Severity): Finding[] {
  return found.filter(finding => finding?.severity === wanted).filter(finding => finding !== undefined);
}
