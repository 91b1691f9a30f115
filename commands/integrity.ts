import { z } from 'zod';
import {
  type CheckFacts,
  checkingView,
  heapProgressView,
  integrityOutcome,
  integrityView,
} from '../blocks/integrity.ts';
import { defineCommand, nearest, quoted, UserError } from '../src/command.ts';
import type { Check } from '../src/target-settings.ts';

export default defineCommand({
  name: 'integrity',
  summary: "whether the team's own data, and with --deep its files, are consistent",
  risk: 'read',
  args: z.strictObject({
    check: z.string().optional().meta({ description: 'one check by name; all of them unless told' }),
    deep: z
      .boolean()
      .default(false)
      .meta({ description: 'also read every table and index for damage (pg_amcheck), and the checksum failures' }),
  }),
  positional: ['check'],
  examples: ['integrity', 'integrity orphans', 'integrity --deep'],
  async run({ check: wanted, deep }, services) {
    const { target, integrity, heap, signal } = services;
    const checks = wanted === undefined ? target.checks : [named(wanted, target.checks)];
    const results: CheckFacts[] = [];
    for (const [done, check] of checks.entries()) {
      services.progress(checkingView(check.title, done, checks.length));
      results.push(await integrity.run(check, signal));
    }
    const files = deep ? await heap.check(signal, facts => services.progress(heapProgressView(facts))) : undefined;
    return { view: integrityView(results, files), outcome: integrityOutcome(results, files) };
  },
});

function named(wanted: string, checks: readonly Check[]): Check {
  const found = checks.find(({ name }) => name === wanted.toLowerCase());
  if (found) return found;
  const names = checks.map(({ name }) => name);
  const [near] = nearest(wanted, names, 1);
  throw new UserError(
    `There is no check named ${quoted(wanted)}.${near === undefined ? '' : ` Did you mean ${near}?`}`,
    {
      hint:
        names.length > 0
          ? `Checks of this target: ${names.join(', ')}.`
          : 'This target declares no checks in the config.',
    },
  );
}
