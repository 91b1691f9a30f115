/** What people see of an action, from its row alone: any process can show it again after a restart. */
import {
  type ActionHeading,
  type BrokenGlass,
  outcomeNote,
  type PlanView,
  type Standing,
  settledCard,
  waitingCard,
} from '../../blocks/frame.ts';
import type { View } from '../../blocks/view.ts';
import { approvable } from './approvable.ts';
import { type Context, type Place, placeOf, spoken } from './context.ts';
import type { Action } from './ledger.ts';

export function headingOf(action: Action): ActionHeading {
  return {
    id: spoken(action.id),
    requester: action.requester,
    typed: action.typed,
    target: action.target,
    reason: action.reason ?? undefined,
  };
}

/** The plan's view, made from the stored plan; what cannot be shown any more is named by its summary. */
function planOf(context: Context, action: Action): PlanView {
  const summary = action.summary ?? action.command;
  const bare = {
    summary,
    statement: action.statement ?? '',
    view: { text: summary, blocks: [] },
    confirm: `Run this now: ${summary}?`,
  };
  const command = context.commands.find(candidate => candidate.name === action.command);
  const form = command && approvable(command);
  if (!form || action.plan === null) return bare;
  try {
    return form.card(action.plan);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'a stored plan can no longer be shown');
    return bare;
  }
}

/** Puts the waiting card where approvers see it, and remembers where it is. */
export async function showWaiting(context: Context, action: Action, responseUrl?: string): Promise<void> {
  const target = context.targets.get(action.target);
  const approvedBy = (await context.ledger.approversOf(action.id)).map(person => person.id);
  const view = waitingCard(headingOf(action), planOf(context, action), {
    expiresAt: new Date(action.expires_at ?? 0),
    approvers: target?.access.approvers ?? [],
    approvedBy,
    needed: action.approvals_needed,
    breakGlass: action.break_glass === 1,
  });
  const elsewhere = target?.access.approvalChannel;
  const place: Place =
    elsewhere !== undefined && action.message_ts === null ? { channel: elsewhere } : placeOf(action, responseUrl);
  const shown = await context.stage.put(place, view);
  if (shown.ts !== undefined) await context.ledger.place(action.id, shown.channel, shown.ts);
  await context.ledger.cardShown(action.id);
}

/** Edits the card to where the action stands now; one that is gone is posted anew. */
export async function showStanding(context: Context, action: Action, standing: Standing, result?: View): Promise<void> {
  const view = settledCard(headingOf(action), planOf(context, action), standing, result);
  const place = placeOf(await asItStands(context, action));
  const shown = await context.stage.put(place, view);
  // Somebody deleted the card, and it was posted anew.
  if (shown.ts !== undefined && shown.ts !== place.ts) await context.ledger.place(action.id, shown.channel, shown.ts);
}

/**
 * Tells the requester by name how it ended, below the card, as an edit alone notifies nobody, and in a direct message.
 * Whoever ran it alone needs no message about that.
 * @throws when neither reached the requester.
 */
export async function tellRequester(context: Context, action: Action, ending: string): Promise<void> {
  const note = outcomeNote(headingOf(action), ending);
  const direct = action.broken_by === action.requester ? false : context.stage.direct(action.requester, note);
  try {
    await context.stage.put(below(await asItStands(context, action)), note);
  } catch (error) {
    if (!(await direct)) throw error;
  }
  await direct;
}

/** The row as it is now: its card may have been posted anew since it was read. */
async function asItStands(context: Context, action: Action): Promise<Action> {
  return (await context.ledger.find(action.id)) ?? action;
}

/** In the thread under the action's card. */
export function below(action: Action): Place {
  const { channel, ts } = placeOf(action);
  return { channel, ...(ts !== undefined && { thread: ts }) };
}

/** Who ran it without a second person, if anybody did. */
export function brokenGlassOf({ broken_by: by, broken_reason: reason }: Action): BrokenGlass | undefined {
  return by === null ? undefined : { by, reason: reason ?? '' };
}

/** How an ended action stands, for its card. */
export async function endedStanding(context: Context, action: Action): Promise<Standing> {
  const at = new Date(action.finished_at ?? context.now());
  const approvedBy = (await context.ledger.approversOf(action.id)).map(person => person.id);
  const is = action.state;
  if (is !== 'succeeded' && is !== 'failed' && is !== 'cancelled' && is !== 'interrupted') {
    throw new Error(`action ${action.id} has not ended: ${is}`);
  }
  const seconds = action.started_at === null ? undefined : (at.getTime() - action.started_at) / 1000;
  return {
    is,
    approvedBy,
    brokenGlass: brokenGlassOf(action),
    outcome: action.outcome ?? '',
    at,
    seconds: is === 'interrupted' ? undefined : seconds,
  };
}
