import type { Refusal } from './backend-rules.ts';

/** Rules that the bot applies itself where a statement takes no parameters. */
export const knownRefusals = ['own', 'other-database'] as const satisfies readonly Refusal[];

/** What the bot knows of itself and of its target. */
export interface KnownRules {
  readonly ownPids: ReadonlySet<number>;
  readonly allowOtherDatabases: boolean;
  /** The target's. */
  readonly database: string;
}

/**
 * Why the bot would not end a backend, when asked; null where it would.
 * @param backend.killRefusal of all rules but the known ones, as the server says.
 */
export function refusalOf(
  { pid, database, killRefusal }: { pid: number; database: string | null; killRefusal: Refusal | null },
  rules: KnownRules,
): Refusal | null {
  if (rules.ownPids.has(pid)) return 'own';
  return killRefusal ?? (rules.allowOtherDatabases || database === rules.database ? null : 'other-database');
}
