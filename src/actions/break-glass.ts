/** Break-glass: an operator runs a waiting action alone, and everyone who might have approved it hears of it at once. */
import { breakGlassAlarm } from '../../blocks/break-glass.ts';
import { assertNever, UserError } from '../errors.ts';
import { type Context, spoken, unspoken } from './context.ts';
import {
  answering,
  type Deciding,
  lostRights,
  preparing,
  run,
  someone,
  standsAlready,
  targetOf,
  unknownRequest,
} from './decide.ts';
import { type Action, type BrokenGlass, shortestReason } from './ledger-types.ts';

/** What was typed into the modal. */
export interface Breaking {
  readonly typedId: string;
  readonly reason: string;
}

/** What a click on Break glass comes to; asked before the form is shown. */
export type GlassBreaking =
  | { readonly is: 'refused'; readonly why: string }
  | { readonly is: 'allowed'; readonly summary: string; readonly shortestReason: number };

/** What is wrong with what was typed, by input, in words to stand under it; `undefined` when nothing is. */
export function wrongWith(
  spokenId: string,
  { typedId, reason }: Breaking,
): { readonly typedId?: string; readonly reason?: string } | undefined {
  const wrongId = unspoken(typedId) === undefined || unspoken(typedId) !== unspoken(spokenId);
  const shortReason = Array.from(reason.trim()).length < shortestReason;
  if (!wrongId && !shortReason) return undefined;
  return {
    ...(wrongId && { typedId: `Type ${spokenId}, the id of this request.` }),
    ...(shortReason && { reason: `Say in at least ${shortestReason} characters why it cannot wait.` }),
  };
}

/** Whether this person could run the request alone now. Never throws. */
export function prepareBreakGlass(context: Context, deciding: Deciding): Promise<GlassBreaking> {
  return preparing<GlassBreaking>(context, deciding, async action => {
    const verdict = await context.gate.mayBreakGlass(deciding.from, targetOf(context, action).access);
    if (verdict.allowed) return { is: 'allowed', summary: action.summary ?? action.command, shortestReason };
    await context.ledger.noteRefusal(action.id, someone(deciding), verdict.why);
    return { is: 'refused', why: verdict.why };
  });
}

/**
 * Runs a waiting action without a second person. Who may is asked of Slack afresh, for this person and for the
 * requester; everything about the request itself is decided by the one statement that starts it. Never throws.
 */
export async function breakGlass(context: Context, deciding: Deciding, breaking: Breaking): Promise<void> {
  await answering(context, deciding, async action => {
    const person = someone(deciding);
    const verdict = await context.gate.mayBreakGlass(deciding.from, targetOf(context, action).access);
    if (!verdict.allowed) {
      await context.ledger.noteRefusal(action.id, person, verdict.why);
      throw new UserError(verdict.why);
    }
    await context.audit.settled(action.id, 1_500);
    const unrecorded = await context.audit.problem();
    if (unrecorded !== undefined) throw new UserError(unrecorded);
    if (await lostRights(context, action)) return;
    const typedId = unspoken(breaking.typedId);
    const broken = await context.ledger.breakGlass(action.id, { person, typedId, reason: breaking.reason });
    if (broken.is !== 'started') throw new UserError(whyNot(broken));
    await Promise.all([alarmApprovers(context, broken.action), run(context, broken.action)]);
  });
}

/**
 * Tells every approver of the target, in a direct message; whom Slack does not take a message for hears with the next
 * try, together with all others: twice is better than never. Never throws.
 */
export async function alarmApprovers(context: Context, action: Action): Promise<void> {
  const target = context.targets.get(action.target);
  const { broken_by: by, broken_reason: reason } = action;
  if (!target || by === null) return;
  try {
    const { people, complete } = await context.gate.approversBut(by, target.access);
    const alarm = breakGlassAlarm({
      id: spoken(action.id),
      by,
      reason: reason ?? '',
      typed: action.typed,
      target: action.target,
      summary: action.summary ?? action.command,
      channel: action.message_channel ?? action.channel,
    });
    const told = await Promise.all(people.map(person => context.stage.direct(person.id, alarm)));
    if (complete && told.every(Boolean)) await context.ledger.alarmed(action.id);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'approvers could not be told of a broken glass yet');
  }
}

function whyNot(broken: Exclude<BrokenGlass, { readonly is: 'started' }>): string {
  switch (broken.is) {
    case 'unknown':
      return unknownRequest;
    case 'not waiting':
      return standsAlready(broken.action);
    case 'expired':
      return `${spoken(broken.action.id)} has expired. Nothing was done; ask again if it is still needed.`;
    case 'wrong id':
      return `What was typed is not ${spoken(broken.action.id)}, so nothing was done.`;
    case 'no reason':
      return `A reason of at least ${shortestReason} characters is needed, so nothing was done.`;
    case 'not enabled':
      return `${spoken(broken.action.id)} was made while "break_glass" was off, so it needs a second person. Nothing was done.`;
    case 'lane busy':
      return `${spoken(broken.by.id)} is still running on ${broken.by.target}, so ${spoken(broken.action.id)} was not started and still waits.`;
    default:
      return assertNever(broken);
  }
}
