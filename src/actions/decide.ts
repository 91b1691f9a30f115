import { note } from '../../blocks/frame.ts';
import type { AccessRules, Whereabouts } from '../access/gate.ts';
import { planHash } from '../audit/plan-hash.ts';
import { assertNever, UserError } from '../errors.ts';
import { approvable } from './approvable.ts';
import { type Context, type Execution, type Place, spoken, unspoken } from './context.ts';
import type { Action, Decision, Someone } from './ledger-types.ts';
import { explain, perform } from './perform.ts';
import { brokenGlassOf, headingOf, showStanding, showWaiting, tryToShowEnd } from './show.ts';
import { TooMany } from './turns.ts';

/** A click on a card, or a word that means the same. */
export interface Deciding {
  /** The button's value: untrusted, only looked up. */
  readonly spokenId: string;
  readonly from: Whereabouts & { readonly name: string };
  /** Where to tell the person why not. */
  readonly place: Place;
  readonly reason?: string;
}

/**
 * Approve. Who may is asked of Slack afresh, for the approver and for the requester, whose rights may be gone since;
 * everything about the request itself is decided by the one statement that counts the approval. Never throws.
 */
export async function approve(context: Context, deciding: Deciding): Promise<void> {
  await answering(context, deciding, async action => {
    const target = targetOf(context, action);
    const person = someone(deciding);
    const verdict = await context.gate.mayApprove(deciding.from, target.access, action.requester);
    if (!verdict.allowed) {
      await context.ledger.noteRefusal(action.id, person, verdict.why);
      throw new UserError(verdict.why);
    }
    await context.audit.settled(action.id, 1_500);
    const unrecorded = await context.audit.problem();
    if (unrecorded !== undefined) throw new UserError(unrecorded);
    if (await lostRights(context, action)) return;
    await dropStaleApprovals(context, action, target.access);
    await carryOn(context, await context.ledger.approve(action.id, person), person);
  });
}

/** Deny; of one's own request, withdraw. Never throws. */
export async function deny(context: Context, deciding: Deciding): Promise<void> {
  await answering(context, deciding, async action => {
    const verdict = await context.gate.mayDeny(deciding.from, targetOf(context, action).access, action.requester);
    if (!verdict.allowed) {
      await context.ledger.noteRefusal(action.id, someone(deciding), verdict.why);
      throw new UserError(verdict.why);
    }
    await turnDown(context, action, deciding);
  });
}

/** Withdraw: the requester, or anyone who might have asked for it. Never throws. */
export async function withdraw(context: Context, deciding: Deciding): Promise<void> {
  await answering(context, deciding, action => withdrawKnown(context, action, deciding));
}

/** @throws UserError when this person may not withdraw it, or it no longer waits. */
export async function withdrawKnown(context: Context, action: Action, deciding: Deciding): Promise<void> {
  const asking = { risk: action.risk, needsApproval: true };
  const verdict = await context.gate.mayAsk(deciding.from, targetOf(context, action).access, asking);
  if (!verdict.allowed) throw new UserError(verdict.why);
  await turnDown(context, action, deciding, 'cancelled');
}

/** What a Deny by this person would be; asked before the modal for the reason is shown. */
export type Denial = { readonly is: 'refused'; readonly why: string } | { readonly is: 'denial' | 'withdrawal' };

/** Whether a Deny would be listened to. Never throws. */
export function prepareDenial(context: Context, deciding: Deciding): Promise<Denial> {
  return preparing<Denial>(context, deciding, async action => {
    const verdict = await context.gate.mayDeny(deciding.from, targetOf(context, action).access, action.requester);
    if (!verdict.allowed) return { is: 'refused', why: verdict.why };
    return { is: deciding.from.user === action.requester ? 'withdrawal' : 'denial' };
  });
}

/** Finds out about an action that waits, before a form is shown; what stands against it is a refusal. Never throws. */
export async function preparing<T>(
  context: Context,
  deciding: Deciding,
  work: (action: Action) => Promise<T>,
): Promise<T | { readonly is: 'refused'; readonly why: string }> {
  try {
    return await context.turns.take(`decides ${deciding.from.user}`, async () => {
      const action = await find(context, deciding.spokenId);
      if (!action) throw new UserError(unknownRequest);
      if (action.state !== 'waiting') throw new UserError(standsAlready(action));
      return work(action);
    });
  } catch (error) {
    const { message, hint } = explain(context, error, { action: deciding.spokenId, user: deciding.from.user });
    return { is: 'refused', why: hint ? `${message} ${hint}` : message };
  }
}

/** Stops a running job: the requester, or anyone who might have asked for it. Never throws. */
export async function cancel(context: Context, deciding: Deciding): Promise<void> {
  await answering(context, deciding, async action => {
    const asking = { risk: action.risk, needsApproval: false };
    const verdict = await context.gate.mayAsk(deciding.from, targetOf(context, action).access, asking);
    if (!verdict.allowed) throw new UserError(verdict.why);
    if (action.state !== 'running') throw new UserError(standsAlready(action));
    await context.ledger.noteCancel(action.id, someone(deciding));
    context.jobs.cancel(action.id); // where it runs elsewhere, its process hears of it within seconds
    await context.stage.whisper(deciding.place, deciding.from.user, note(`Stopping ${spoken(action.id)} …`));
  });
}

/** Finds the action and does the work; what goes wrong is told to the person. Never throws. */
export async function answering(
  context: Context,
  deciding: Deciding,
  work: (action: Action) => Promise<void>,
): Promise<void> {
  try {
    await context.turns.take(`decides ${deciding.from.user}`, async () => {
      if (context.jobs.closed)
        throw new UserError('The bot is shutting down; nothing was decided. Click again in a minute.');
      const action = await find(context, deciding.spokenId);
      if (!action) throw new UserError(unknownRequest);
      await work(action);
    });
  } catch (error) {
    if (error instanceof TooMany && error.told) return;
    const { message, hint } = explain(context, error, { action: deciding.spokenId, user: deciding.from.user });
    await context.stage.whisper(deciding.place, deciding.from.user, note(hint ? `${message} ${hint}` : message));
  }
}

export const unknownRequest = 'This request is not known here, so nothing was done. Ask again with /db.';

async function find(context: Context, spokenId: string): Promise<Action | undefined> {
  const id = unspoken(spokenId);
  return id === undefined ? undefined : context.ledger.find(id);
}

async function turnDown(context: Context, action: Action, deciding: Deciding, how?: 'cancelled'): Promise<void> {
  const own = deciding.from.user === action.requester;
  const withdrawn = how === 'cancelled' || own;
  const moved = await context.ledger.turnDown(
    action.id,
    withdrawn ? 'cancelled' : 'denied',
    someone(deciding),
    deciding.reason,
  );
  if (!moved) throw new UserError(standsAlready((await context.ledger.find(action.id)) ?? action));
  await tryToShowEnd(context, moved, { knows: own });
}

/** The requester must still be someone who may ask; otherwise the request ends here. */
export async function lostRights(context: Context, action: Action): Promise<boolean> {
  const from = { user: action.requester, channel: action.channel, team: action.team };
  const asking = { risk: action.risk, needsApproval: true };
  const verdict = await context.gate.mayAsk(from, targetOf(context, action).access, asking, { fresh: true });
  if (verdict.allowed) return false;
  if (verdict.unanswered) {
    throw new UserError(
      'Slack did not say whether the requester may still ask, so nothing was decided. Try again in a moment.',
    );
  }
  const why = `the requester may no longer ask for this; they would be told: ${verdict.why}`;
  const moved = await context.ledger.turnDown(action.id, 'denied', undefined, why);
  if (moved) await tryToShowEnd(context, moved);
  return moved !== undefined;
}

/** Approvals given earlier still count only if their givers may still approve. */
async function dropStaleApprovals(context: Context, action: Action, access: AccessRules): Promise<void> {
  for (const earlier of await context.ledger.approversOf(action.id)) {
    const from = { user: earlier.id, channel: action.message_channel ?? action.channel };
    const verdict = await context.gate.mayApprove(from, access, action.requester);
    if (verdict.allowed) continue;
    if (verdict.unanswered) {
      throw new UserError(
        'Slack did not say whether an earlier approval still counts, so nothing was decided. Try again in a moment.',
      );
    }
    await context.ledger.dropApproval(action.id, earlier, verdict.why);
  }
}

async function carryOn(context: Context, decision: Decision, person: Someone): Promise<void> {
  switch (decision.is) {
    case 'started':
      return run(context, decision.action);
    case 'counted':
      return showWaiting(context, decision.action);
    case 'lane busy':
      throw new UserError(
        `${spoken(decision.by.id)} is still running on ${decision.by.target}, so ${spoken(decision.action.id)} was not started and still waits. Click again when it has ended.`,
      );
    case 'unknown':
      throw new UserError(unknownRequest);
    case 'already counted':
      throw new UserError(`Your approval of ${spoken(decision.action.id)} counts already; it needs someone else’s.`);
    case 'own request':
      await context.ledger.noteRefusal(decision.action.id, person, 'own request');
      throw new UserError('You asked for this yourself, so someone else has to approve it.');
    case 'expired':
      await context.ledger.noteRefusal(decision.action.id, person, 'expired');
      throw new UserError(
        `${spoken(decision.action.id)} has expired. Nothing was done; ask again if it is still needed.`,
      );
    case 'not waiting':
      throw new UserError(standsAlready(decision.action));
    default:
      assertNever(decision);
  }
}

/** Carries out an action that was just started, and shows it on its card. */
export async function run(context: Context, action: Action): Promise<void> {
  const approvedBy = (await context.ledger.approversOf(action.id)).map(person => person.id);
  const since = new Date(action.started_at ?? context.now());
  const shown = showStanding(context, action, {
    is: 'running',
    approvedBy,
    brokenGlass: brokenGlassOf(action),
    since,
  }).catch(error => context.log.warn({ err: error, action: spoken(action.id) }, 'the card could not be edited'));
  const work = async (execution: Execution) => {
    const command = context.commands.find(candidate => candidate.name === action.command);
    const form = command && approvable(command);
    if (!form || action.plan === null) {
      throw new UserError(`This version of the bot has no /db ${action.command}; nothing was done.`);
    }
    if (planHash(action.plan) !== (await context.ledger.planShown(action.id))) {
      throw new UserError('The plan in the store is not the one that was shown and approved, so nothing was done.', {
        hint: 'Somebody or something has changed the bot’s store: tell whoever runs the bot, and run `npm run audit -- verify`.',
      });
    }
    return form.run(action.plan, context.services, execution);
  };
  await perform(context, action, work, { shown });
}

/** Why a click changes nothing, when the action is past that point. */
export function standsAlready(action: Action): string {
  const id = spoken(action.id);
  switch (action.state) {
    case 'running':
      return `${id} is already approved and running. Your click changed nothing.`;
    case 'waiting':
    case 'asked':
      return `${id} is not at that point. Your click changed nothing.`;
    case 'expired':
      return `${id} has expired. Nothing was done; ask again if it is still needed.`;
    default:
      return `${id} was decided already (${action.state}). Your click changed nothing.`;
  }
}

/** @throws UserError when its target is no longer configured. */
export function targetOf(context: Context, action: Action) {
  const target = context.targets.get(action.target);
  if (target) return target;
  throw new UserError(
    `${action.target} is no longer configured, so nothing can be decided about ${headingOf(action).id}.`,
  );
}

export function someone(deciding: Deciding): Someone {
  return { id: deciding.from.user, name: deciding.from.name };
}
