/** What nobody typed: the schedule's work, through the same life and the same record as everything else. */
import { type DueStep, originOf } from '../audit/by-itself.ts';
import { parse } from '../grammar.ts';
import { canonical } from './approvable.ts';
import { laneOf, runAtOnce } from './ask.ts';
import type { Context, Stage } from './context.ts';
import type { Begun } from './ledger-types.ts';
import { perform } from './perform.ts';

/** Something that is to be done now. */
export interface Duty extends Omit<DueStep, 'step'> {
  /** What one would type, without `/db` and the target. */
  readonly line: string;
  /** Why it runs, for the record. */
  readonly reason: string;
}

/** Shows nothing to anybody: the record tells of what runs by itself. */
export const unseen: Stage = {
  put: place => Promise.resolve(place),
  whisper: () => Promise.resolve(true),
  direct: () => Promise.resolve(true),
  attach: () => Promise.resolve(undefined),
};

/**
 * Starts a read or routine command as the bot itself, once for its due time; its end is in the ledger. The schedule in
 * the configuration stands for the approval that the target may ask for when a person types the command: the record
 * says so.
 * @returns how it was begun; `closing` when the bot is shutting down.
 * @throws UserError when the line makes no sense; Error for a destructive command, of which nothing is recorded.
 */
export async function beginByItself(context: Context, duty: Duty): Promise<Begun | { readonly is: 'closing' }> {
  const { command, args } = parse(duty.line, context.commands);
  const target = context.targets.get(duty.target);
  if (!target) throw new Error(`${duty.target} is no longer configured`);
  if (context.jobs.closed) return { is: 'closing' };
  const instead = target.approvalFor.has(command.name)
    ? `; the schedule stands for the approval that ${command.name} needs here when a person asks for it`
    : '';
  const begun = await context.ledger.begin({
    origin: originOf({ ...duty, step: command.name }),
    command: command.name,
    arguments: canonical(args),
    typed: duty.line,
    target: target.settings.name,
    risk: command.risk,
    lane: laneOf(command),
    requester: context.self.user,
    requester_name: 'schedule',
    team: context.self.team,
    channel: '',
    thread: null,
    reason: `${duty.reason}${instead}`,
  });
  if (begun.is !== 'started') return begun;
  const { action } = begun;
  const silent = { ...context, stage: unseen };
  const run = perform(silent, action, execution => runAtOnce(silent, command, args, execution));
  context.jobs.track(run).catch((error: unknown) => context.log.error({ err: error }, 'a scheduled action was lost'));
  return begun;
}
