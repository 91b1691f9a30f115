import { approvable } from './approvable.ts';
import { type Context, spoken } from './context.ts';
import type { Action } from './ledger.ts';
import { showEnd, showWaiting, tryToShowEnd, whisperEnd } from './show.ts';

/**
 * At the start of a process: what an earlier one left running is interrupted, said aloud, and never run again; what
 * waits is shown again where its card never came to be.
 */
export async function recover(context: Context): Promise<void> {
  const left = await context.ledger.interrupt(action => interruption(context, action));
  for (const action of left) {
    context.log.warn(
      { action: spoken(action.id), command: action.command },
      'interrupted: the bot stopped while it ran',
    );
    await tryToShowEnd(context, action);
  }
  for (const action of await context.ledger.waiting()) {
    if (action.message_ts === null) {
      await showWaiting(context, action).catch(error =>
        context.log.warn({ err: error, action: spoken(action.id) }, 'a card could not be shown yet'),
      );
    }
  }
}

/** Ends what nobody decided in time, and shows ends that could not be shown before. Called about once a second. */
export async function sweep(context: Context): Promise<void> {
  for (const overdue of await context.ledger.overdue()) {
    const expired = await context.ledger.turnDown(overdue.id, 'expired', undefined, undefined);
    if (expired) await tryToShowEnd(context, expired);
  }
  for (const untold of await context.ledger.untold(context.now() - firstRetry)) {
    if (context.retries.due(untold.id, context.now())) await retry(context, untold);
  }
}

/** An end that could not be shown is tried again after this long; Slack had its retries by then. Milliseconds. */
const firstRetry = 30_000;

/** Where the message cannot be shown in its place a second time, the requester is told alone. */
async function retry(context: Context, untold: Action): Promise<void> {
  try {
    await showEnd(context, untold);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(untold.id) }, 'the outcome still cannot be shown in its place');
    await whisperEnd(context, untold);
  }
}

function interruption(context: Context, action: Action): string {
  if (action.state === 'asked') return 'The bot stopped before anything was done.';
  if (action.risk === 'read') return 'The bot stopped before the answer was there; nothing was changed.';
  const command = context.commands.find(candidate => candidate.name === action.command);
  const look = (command && approvable(command)?.afterInterruption) ?? 'Look at /db status.';
  return `The bot stopped while this ran. Nobody knows whether it took effect, and it is not tried again. ${look}`;
}
