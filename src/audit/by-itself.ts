/** Actions that nobody asked for: what the schedule in the configuration starts. Their origin says so. */

/** What the origin of such an action begins with. */
export const byItself = 'schedule ';

/** One step of what is due, wherever it is started: of all processes that see it due, one begins it. */
export interface DueStep {
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly due: number;
  /** The command's name. */
  readonly step: string;
}

/** `schedule portal 2026-11-23T02:00:00.000Z backup` */
export function originOf({ target, due, step }: DueStep): string {
  return `${byItself}${target} ${new Date(due).toISOString()} ${step}`;
}

/** Slack's requests have other origins: `command …`, `event …`, `click …`. */
export function isByItself({ origin }: { readonly origin: string }): boolean {
  return origin.startsWith(byItself);
}
