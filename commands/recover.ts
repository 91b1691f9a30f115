import { z } from 'zod';
import { recoveryOutcome, recoveryPreview, recoveryProgress, recoveryView } from '../blocks/recovery.ts';
import { defineCommand, type ReadServices, UserError } from '../src/command.ts';

export default defineCommand({
  name: 'recover',
  summary: 'bring the database back as it was at a moment, beside the living one, to look into it',
  risk: 'routine',
  lane: 'recover',
  args: z.strictObject({
    to: z.string().min(1).optional().meta({
      placeholder: 'moment',
      description: 'the moment: "2026-01-31 14:05 UTC", "10 minutes ago"; the last commit before it is in it',
    }),
    beforeAction: z
      .string()
      .regex(/^A-\d{1,15}$/i, 'an action is named A-1042')
      .optional()
      .meta({ placeholder: 'A-…', description: 'instead of --to: the moment before this action of the bot began' }),
    stay: z
      .int()
      .min(1)
      .max(1_440)
      .default(60)
      .meta({ placeholder: 'minutes', description: 'how long it stays, in minutes; 60 unless told, 1,440 at most' }),
  }),
  examples: [
    'recover --to "10 minutes ago"',
    'recover --to "2026-01-31 14:05 UTC" --stay 240',
    'recover --before-action A-1042',
  ],
  afterInterruption: 'The bot removes what was begun when it starts again; the living database was not touched.',
  async preview(args, services) {
    const point = await pointOf(args, services);
    const needed = await services.recoveries.examine(point, services.signal);
    return recoveryPreview(services.target.name, point.at, needed, args.stay);
  },
  async run(args, services) {
    const { target, action, recoveries, signal } = services;
    const point = await pointOf(args, services);
    const began = services.now().getTime();
    const seconds = () => (services.now().getTime() - began) / 1000;
    const recovery = await recoveries.recover(
      { actionId: action.id, point, stay: args.stay },
      { signal, progress: phase => services.progress(recoveryProgress(target.name, phase, seconds())) },
    );
    const facts = { ...recovery, target: target.name, point, seconds: seconds() };
    return { view: recoveryView(facts), outcome: recoveryOutcome(facts) };
  },
});

async function pointOf(
  { to, beforeAction }: { readonly to?: string | undefined; readonly beforeAction?: string | undefined },
  { moments, record, target }: Pick<ReadServices, 'moments' | 'record' | 'target'>,
) {
  if ((to === undefined) === (beforeAction === undefined)) {
    throw new UserError('Say to which moment: --to "…" or --before-action A-1042, one of the two.', {
      hint: '`/db wal` shows which moments there are.',
    });
  }
  if (to !== undefined) return moments.parse(to);
  const action = await record.find((beforeAction ?? '').toUpperCase());
  if (action.target === target.name) return moments.before(action);
  throw new UserError(`${action.id} acted on ${action.target}, not on ${target.name}.`, {
    hint: `Ask with \`--on ${action.target}\`.`,
  });
}
