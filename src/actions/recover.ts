import { answer, problem } from '../../blocks/frame.ts';
import { approvable } from './approvable.ts';
import { type Context, placeOf, spoken } from './context.ts';
import { type Action, leaseMilliseconds } from './ledger.ts';
import { showEnd } from './perform.ts';
import { headingOf, showStanding, showWaiting, tellRequester } from './show.ts';

/**
 * At the start of a process: what an earlier one left running is interrupted, said aloud, and never run again; what
 * waits is shown again where its card never came to be.
 */
export async function recover(context: Context): Promise<void> {
  await interruptLeft(context);
  for (const action of await context.ledger.waiting()) {
    if (action.message_ts === null) await quietly(context, action, () => showWaiting(context, action));
  }
}

/**
 * Says that this process lives, and stops what others asked it to cancel. When that cannot be said for so long that
 * others take it for dead, everything that runs here is stopped: it is no longer its own.
 */
export async function stayAlive(context: Context): Promise<void> {
  try {
    const held = await context.ledger.stayAlive();
    context.jobs.heard(context.now());
    for (const { id, cancel_asked } of held) if (cancel_asked === 1) context.jobs.cancel(id);
  } catch (error) {
    context.log.warn({ err: error }, 'the store does not answer');
    if (context.now() - context.jobs.lastHeard > leaseMilliseconds) context.jobs.abandon();
  }
}

async function interruptLeft(context: Context): Promise<void> {
  const left = await context.ledger.interrupt(action => interruption(context, action), { sole: context.sole });
  for (const action of left) {
    context.log.warn(
      { action: spoken(action.id), command: action.command },
      'interrupted: the bot stopped while it ran',
    );
    const interrupted = await context.ledger.find(action.id);
    if (interrupted) await showEnd(context, interrupted, interruptedView(context, interrupted), placeOf(interrupted));
  }
}

/** Ends what nobody decided in time, and shows ends that could not be shown before. Called about once a second. */
export async function sweep(context: Context): Promise<void> {
  if (!context.sole) await interruptLeft(context);
  for (const overdue of await context.ledger.overdue()) {
    const expired = await context.ledger.turnDown(overdue.id, 'expired', undefined, undefined);
    if (expired) await quietly(context, expired, () => sayExpired(context, expired));
  }
  for (const untold of await context.ledger.untold(context.now() - retryAfter)) {
    if (untold.state === 'expired') await quietly(context, untold, () => sayExpired(context, untold));
    else if (untold.state === 'denied' || (untold.state === 'cancelled' && untold.started_at === null)) {
      await quietly(context, untold, async () => {
        await context.stage.put(placeOf(untold), answer(headingOf(untold), problem(untold.outcome ?? untold.state)));
        await context.ledger.told(untold.id);
      });
    } else await showEnd(context, untold, problem(untold.outcome ?? untold.state), placeOf(untold));
  }
}

/** An end that could not be shown is tried again after this long; Slack had its retries by then. Milliseconds. */
const retryAfter = 30_000;

async function sayExpired(context: Context, expired: Action): Promise<void> {
  await showStanding(context, expired, { is: 'expired', at: new Date(expired.expires_at ?? context.now()) });
  await tellRequester(context, expired, 'expired: nobody decided in time. Nothing was done.');
  await context.ledger.told(expired.id);
}

function interruption(context: Context, action: Action): string {
  if (action.state === 'asked') return 'The bot stopped before anything was done.';
  if (action.risk === 'read') return 'The bot stopped before the answer was there; nothing was changed.';
  const command = context.commands.find(candidate => candidate.name === action.command);
  const look = (command && approvable(command)?.afterInterruption) ?? 'Look at /db status.';
  return `The bot stopped while this ran. Nobody knows whether it took effect, and it is not tried again. ${look}`;
}

function interruptedView(context: Context, action: Action) {
  return action.plan === null
    ? problem(action.outcome ?? '', 'Ask again if it is still needed.')
    : { text: interruption(context, action), blocks: [] };
}

async function quietly(context: Context, action: Action, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'could not be shown yet');
  }
}
