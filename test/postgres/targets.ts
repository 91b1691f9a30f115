import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { openTarget, type Target, type TargetOptions } from '../../src/postgres/target.ts';
import { until } from '../cluster/until.ts';

/** What a target wrote to its log. */
export interface LogLine {
  level: 'info' | 'warn';
  facts: object;
  message: string;
}

export interface TestTarget {
  target: Target;
  lines: LogLine[];
}

/** A target named `portal` that logs into a list. */
export function targetOf(
  url: string,
  options: Partial<Omit<TargetOptions, 'connection' | 'emergency'>> & { emergencyUrl?: string } = {},
): TestTarget {
  const { emergencyUrl, ...rest } = options;
  const lines: LogLine[] = [];
  const target = openTarget({
    name: 'portal',
    connection: parseConnectionUrl(url),
    ...(emergencyUrl !== undefined && { emergency: parseConnectionUrl(emergencyUrl) }),
    log: {
      info: (facts, message) => lines.push({ level: 'info', facts, message }),
      warn: (facts, message) => lines.push({ level: 'warn', facts, message }),
    },
    ...rest,
  });
  return { target, lines };
}

/** A target whose warm connection is open. */
export async function warmTarget(...given: Parameters<typeof targetOf>): Promise<TestTarget> {
  const opened = targetOf(...given);
  await until('the warm connection is open', () =>
    opened.lines.some(({ message }) => message === 'warm connection open'),
  );
  return opened;
}
