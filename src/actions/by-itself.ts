/** What nobody typed: the schedule's work, through the same life and the same record as everything else. */
import { type DueStep, originOf } from '../audit/by-itself.ts';
import type { Answer, Command } from '../command.ts';
import { parse } from '../grammar.ts';
import { canonical } from './approvable.ts';
import { laneOf, runAtOnce } from './ask.ts';
import type { Context, Execution, Stage } from './context.ts';
import type { Begun } from './ledger-types.ts';
import { perform } from './perform.ts';

/** Something that is to be done now. */
export interface Duty extends Omit<DueStep, 'step'> {
  /** What one would type, without `/db` and the target. */
  readonly line: string;
  /** Why it runs, for the record. */
  readonly reason: string;
  /** What is done where the line is no command of people, but one word that names a chore; routine, as all that runs by itself. */
  readonly chore?: Chore | undefined;
}

/** Work that only the schedule does. */
export interface Chore {
  /** Actions of the same lane run one at a time on a target. */
  readonly lane: string;
  run(execution: Execution): Promise<Answer>;
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
  const work = duty.chore ? choreOf(duty.line, duty.chore) : commandOf(context, duty.line);
  const target = context.targets.get(duty.target);
  if (!target) throw new Error(`${duty.target} is no longer configured`);
  if (context.jobs.closed) return { is: 'closing' };
  const instead = target.approvalFor.has(work.command)
    ? `; the schedule stands for the approval that ${work.command} needs here when a person asks for it`
    : '';
  const begun = await context.ledger.begin({
    origin: originOf({ ...duty, step: work.command }),
    command: work.command,
    arguments: work.arguments,
    typed: duty.line,
    target: target.settings.name,
    risk: work.risk,
    lane: work.lane,
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
  const run = perform(silent, action, work.run);
  context.jobs.track(run).catch((error: unknown) => context.log.error({ err: error }, 'a scheduled action was lost'));
  return begun;
}

/** What is begun, whatever it is. */
interface Work {
  readonly command: string;
  /** Canonical JSON. */
  readonly arguments: string;
  readonly risk: Command['risk'];
  readonly lane: string | null;
  readonly run: (execution: Execution) => Promise<Answer>;
}

function commandOf(context: Context, line: string): Work {
  const { command, args } = parse(line, context.commands);
  return {
    command: command.name,
    arguments: canonical(args),
    risk: command.risk,
    lane: laneOf(command),
    run: execution => runAtOnce(context, command, args, execution),
  };
}

function choreOf(name: string, chore: Chore): Work {
  const { lane } = chore;
  return { command: name, arguments: '{}', risk: 'routine', lane, run: execution => chore.run(execution) };
}
