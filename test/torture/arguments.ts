import { parseArgs } from 'node:util';
import { z } from 'zod';

export const usage = `npm run torture -- [--seeds 2000] [--from 1] [--seed N] [--engine sqlite|postgres] [--processes 1-3]

  --seeds      how many runs
  --from       the first seed
  --seed       one run, its end printed whatever comes of it
  --engine     where the store is; postgres starts a throwaway server
  --processes  processes of the bot at once; the seed decides unless told. One has the store for itself.
`;

const number = z.coerce.number().int().positive();

const options = z.object({
  seeds: number.default(2_000),
  from: number.default(1),
  seed: number.optional(),
  engine: z.enum(['sqlite', 'postgres']).default('sqlite'),
  processes: number.max(3).optional(),
  help: z.boolean().default(false),
});

export type Options = z.output<typeof options>;

/** @throws Error when an argument is not known or makes no sense. */
export function readArguments(argv: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: { seeds: text, from: text, seed: text, engine: text, processes: text, help: { type: 'boolean' } },
  });
  const parsed = options.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`--${String(issue?.path[0])}: ${issue?.message}`);
}
