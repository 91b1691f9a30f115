/** What people see of an action, from its row alone: any process can show it again after a restart. */
import {
  type ActionHeading,
  answer,
  type BrokenGlass,
  note,
  outcomeNote,
  type PlanView,
  problem,
  type Standing,
  settledCard,
  waitingCard,
} from '../../blocks/frame.ts';
import type { View } from '../../blocks/view.ts';
import { approvable } from './approvable.ts';
import { type Context, type Place, PlaceClosed, placeOf, spoken } from './context.ts';
import type { Action } from './ledger-types.ts';

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
  // Posted anew where the card could not be edited: what follows belongs there.
  if (shown.ts !== undefined && shown.ts !== place.ts) await context.ledger.place(action.id, shown.channel, shown.ts);
}

/**
 * Tells the requester by name how it ended, below the card, as an edit alone notifies nobody, and in a direct message.
 * Whoever ran it alone needs no message about that.
 * @throws when neither reached the requester.
 */
async function tellRequester(context: Context, action: Action, said: string): Promise<void> {
  const told = outcomeNote(headingOf(action), said);
  const direct = action.broken_by === action.requester ? false : context.stage.direct(action.requester, told);
  try {
    await context.stage.put(below(await asItStands(context, action)), told);
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

/** How an ended action stands, from its row. */
async function standingOf(context: Context, action: Action): Promise<Standing> {
  const at = new Date(action.finished_at ?? context.now());
  const approvedBy = (await context.ledger.approversOf(action.id)).map(person => person.id);
  const is = endOf(action);
  const ran = action.started_at !== null && is !== 'interrupted';
  return {
    is,
    approvedBy,
    brokenGlass: brokenGlassOf(action),
    outcome: action.outcome ?? is,
    at,
    seconds: ran ? (at.getTime() - (action.started_at ?? 0)) / 1000 : undefined,
  };
}

function endOf(action: Action) {
  switch (action.state) {
    case 'asked':
    case 'waiting':
    case 'running':
      throw new Error(`action ${action.id} has not ended: ${action.state}`);
    case 'cancelled':
      return action.started_at === null ? 'withdrawn' : 'cancelled';
    default:
      return action.state;
  }
}

/** The end in words for the requester: `succeeded: …`, `was denied by ben. Nothing was done.` */
function ending(action: Action): string {
  const outcome = action.outcome ?? '';
  switch (endOf(action)) {
    case 'denied':
    case 'withdrawn':
      return `was ${outcome}. Nothing was done.`;
    case 'expired':
      return `expired: ${outcome}. Nothing was done.`;
    default:
      return `${action.state}: ${outcome}`;
  }
}

/**
 * Shows how an action ended, where it was shown before, and remembers that its requester has seen it.
 * @param view the result, where it is still known; otherwise the outcome in words.
 * @param knows the requester ended it and need not be told by name.
 * @returns where it stands.
 * @throws when Slack did not take it.
 */
export async function showEnd(
  context: Context,
  action: Action,
  { view, place = placeOf(action), knows = false }: { view?: View | undefined; place?: Place; knows?: boolean } = {},
): Promise<Place> {
  let stands = place;
  if (action.plan === null) {
    // By its id as well: where only the text can be shown, there is no signature below it.
    const said = `${spoken(action.id)} ${ending(action)}`;
    const words = action.state === 'succeeded' ? note(said) : problem(said);
    stands = await context.stage.put(place, answer(headingOf(action), view ?? words));
  } else {
    await showStanding(context, action, await standingOf(context, action), view);
    if (!knows) await tellRequester(context, action, ending(action));
  }
  await context.ledger.told(action.id);
  return stands;
}

/** The same to the requester alone: where the channel is closed to the bot, the outcome is learned all the same. */
export async function whisperEnd(context: Context, action: Action): Promise<void> {
  const said = note(`${spoken(action.id)} ${ending(action)}`);
  if (await context.stage.whisper(placeOf(action), action.requester, said)) await context.ledger.told(action.id);
}

/**
 * Shows an end now or, where Slack does not take it, leaves it to the sweep; a closed channel is told around at once.
 * @returns where it stands; `undefined` when it is not shown there.
 */
export async function tryToShowEnd(
  context: Context,
  action: Action,
  options: Parameters<typeof showEnd>[2] = {},
): Promise<Place | undefined> {
  try {
    return await showEnd(context, action, options);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'the outcome could not be shown yet');
    if (error instanceof PlaceClosed) await whisperEnd(context, action);
    return undefined;
  }
}
