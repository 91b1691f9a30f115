import { problem, reminder } from '../../blocks/frame.ts';
import { isByItself } from '../audit/by-itself.ts';
import type { Notice } from '../schedule/notice.ts';
import type { OwedNotice } from '../store/owed-notices.ts';
import { approvable } from './approvable.ts';
import { alarmApprovers } from './break-glass.ts';
import { unseen } from './by-itself.ts';
import { type Context, placeOf, spoken } from './context.ts';
import type { Action } from './ledger-types.ts';
import { below, headingOf, showEnd, showWaiting, tryToShowEnd, whisperEnd } from './show.ts';

/**
 * At the start of a process: what an earlier one left running is interrupted, said aloud, and never run again; what
 * waits is shown again where its card never came to be.
 */
export async function recover(context: Context): Promise<void> {
  await interruptLeft(context, context.sole, context.now());
  await showLeft(context, context.sole, context.now());
}

/**
 * Says that this process lives, and stops what others asked it to cancel, or took for dead. When it cannot be said, what
 * runs here is stopped before others take it for dead: a lane is not for two. Called every tenth of a lease.
 */
export async function stayAlive(context: Context): Promise<void> {
  const { ledger, jobs, log, now } = context;
  const began = now();
  const ids = jobs.underWay;
  try {
    const held = await within(context, ledger.lease * 0.15, ledger.stayAlive(ids));
    jobs.heard(began);
    const kept = new Map(held.map(action => [action.id, action]));
    for (const id of ids) {
      if (!kept.has(id)) jobs.abandon(id);
      else if (kept.get(id)?.cancel_asked === 1) jobs.cancel(id);
    }
  } catch (error) {
    log.warn({ err: error }, 'the store does not answer');
  }
  if (jobs.doubted(now(), ledger.lease)) jobs.abandon();
}

async function within<T>({ sleep }: Context, milliseconds: number, work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = sleep(milliseconds, ended.signal).then(() => {
    throw new Error(`no answer within ${milliseconds} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}

async function interruptLeft(context: Context, sole: boolean, asOf: number): Promise<void> {
  const except = context.jobs.underWay;
  const left = await context.ledger.interrupt(action => interruption(context, action), {
    sole,
    asOf,
    except,
    owed,
  });
  for (const action of left) {
    context.log.warn(
      { action: spoken(action.id), command: action.command },
      'interrupted: the bot stopped while it ran',
    );
    await tryToShowEnd(isByItself(action) ? { ...context, stage: unseen } : context, action);
  }
}

/** What a second person let run concerns more than the one who asked: all who approve for the target are told. */
function owed(action: Action, outcome: string, at: number): OwedNotice | undefined {
  if (action.state !== 'running' || action.plan === null) return undefined;
  const { target, typed } = action;
  const notice: Notice = { is: 'interrupted', target, action: spoken(action.id), typed, outcome };
  return { id: `interrupted ${spoken(action.id)}`, target, notice, at };
}

async function showLeft(context: Context, sole: boolean, asOf: number): Promise<void> {
  for (const action of await context.ledger.adoptCards({ sole, asOf, except: context.jobs.underWay })) {
    await context.jobs.hold(action.id, () => quietly(context, action, () => showWaiting(context, action)));
  }
}

/**
 * Ends what nobody decided in time and what processes that are gone left behind, and shows ends that could not be shown
 * before. Called about once a second in each process: the one that moves an action tells its end.
 * @param mayRetell whether it is for this process to show what others could not; asked before each.
 * @param asOf by which what is over is judged, milliseconds since 1970.
 */
export async function sweep(context: Context, mayRetell: () => Promise<boolean>, asOf: number): Promise<void> {
  await interruptLeft(context, false, asOf);
  await showLeft(context, false, asOf);
  for (const overdue of await context.ledger.overdue(asOf)) {
    const expired = await context.ledger.turnDown(overdue.id, 'expired', undefined, undefined);
    if (expired) await tryToShowEnd(context, expired);
  }
  for (const due of await context.ledger.remindersDue(asOf))
    await quietly(context, due, () => remind(context, due, asOf));
  for (const due of await context.ledger.alarmsDue(asOf))
    await quietly(context, due, () => alarmApprovers(context, due));
  for (const { id } of await context.ledger.untold(asOf - firstRetry)) {
    if (!(await mayRetell())) return;
    // Read anew: another process may have told it while this one waited for its turn.
    const untold = await context.ledger.find(id);
    if (untold?.told === 0 && context.retries.due(id, asOf)) await retry(context, untold);
  }
}

/** An end that could not be shown is tried again after this long; Slack had its retries by then. Milliseconds. */
const firstRetry = 30_000;

/** Where the message cannot be shown in its place a second time, the requester is told alone. */
async function retry(context: Context, untold: Action): Promise<void> {
  if (untold.state === 'failed' && untold.started_at === null) return sayRefused(context, untold);
  try {
    await showEnd(context, untold);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(untold.id) }, 'the outcome still cannot be shown in its place');
    await whisperEnd(context, untold);
  }
}

/** What was refused before it ran is said to its requester alone, as it would have been at once. */
async function sayRefused(context: Context, refused: Action): Promise<void> {
  const view = problem(refused.outcome ?? refused.state, undefined, headingOf(refused));
  if (await context.stage.whisper(placeOf(refused), refused.requester, view)) await context.ledger.told(refused.id);
}

/** Approvers that a reminder names. */
const mostNamed = 8;

/** Says below the card who may still approve, by name: whoever is mentioned would be notified each time. */
async function remind(context: Context, due: Action, asOf: number): Promise<void> {
  const action = await context.ledger.remind(due, asOf);
  const access = context.targets.get(due.target)?.access;
  if (!action || !access) return;
  const approvedBy = new Set((await context.ledger.approversOf(action.id)).map(person => person.id));
  const { people, more } = await context.gate.possibleApprovers(action.requester, access, mostNamed + approvedBy.size);
  const left = people.filter(person => !approvedBy.has(person.id));
  await context.stage.put(
    below(action),
    reminder(headingOf(action), {
      names: left.map(person => person.name || person.id),
      more,
      missing: action.approvals_needed - approvedBy.size,
      expiresAt: new Date(action.expires_at ?? asOf),
    }),
  );
}

async function quietly(context: Context, action: Action, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'something could not be shown yet');
  }
}

function interruption(context: Context, action: Action): string {
  if (action.state === 'asked') return 'The bot stopped before anything was done.';
  if (action.risk === 'read') return 'The bot stopped before the answer was there; nothing was changed.';
  const command = context.commands.find(candidate => candidate.name === action.command);
  const left = command && approvable(command)?.afterInterruption(action.plan ?? 'null', spoken(action.id));
  const look = left ?? 'Look at /db status.';
  return `The bot stopped while this ran. Nobody knows whether it took effect, and it is not tried again. ${look}`;
}
