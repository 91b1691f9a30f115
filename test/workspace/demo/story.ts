import { controlsOf } from '../controls.ts';
import type { View } from '../types.ts';
import type { Exchange, Workspace } from '../workspace.ts';
import type { Step } from './arguments.ts';
import { freshSince, type Snapshot, snapshotOf } from './conversation.ts';
import { type Fresh, type Outcome, outcomeOf, progressOf } from './progress.ts';

/** Where a story is told. */
export interface Telling {
  readonly slack: Workspace;
  /** What stands for `{idle}` and `{blocked}`. */
  readonly pids: Readonly<Record<string, number>>;
  /** Ends the story, with its reason as the error. */
  readonly signal: AbortSignal;
  /** Somebody is about to do something. */
  readonly begins: (what: string) => void;
  /** What the bot posted or edited because of it. */
  readonly shows: (fresh: readonly Fresh[]) => void;
  /** What a modal said to the one who opened it. */
  readonly showsModal: (view: View) => void;
  /** A sign of life of something that takes long. */
  readonly goesOn: (line: string) => void;
}

/** A step that could not be done, or was not answered. */
export class StepFailed extends Error {}

/** What ends a step as its doer meant it. */
const meant: ReadonlySet<Outcome['event']> = new Set(['succeeded', 'waits', 'denied', 'withdrawn', 'cancelled']);

/** A step is over when nothing has changed for so long after its end; without a record, one may still be on its way. Milliseconds. */
const quiet = { recorded: 150, unrecorded: 1_500 };

/** Longest silence before a step counts as unanswered, milliseconds: a job shows progress more often. */
const patience = { step: 60_000, wait: 20 * 60_000 };

/**
 * Does one step after another, each when the one before is over.
 * @returns whether each was answered as its doer meant it.
 * @throws StepFailed when a step could not be done or nobody answered: the rest of the story makes no sense then.
 */
export async function tellStory(steps: readonly Step[], telling: Telling): Promise<boolean> {
  let fine = true;
  let request: string | undefined;
  for (const step of steps) {
    const outcome = await perform(step, telling, request);
    if (outcome.event === 'waits') request = outcome.action;
    fine &&= meant.has(outcome.event);
  }
  return fine;
}

async function perform(step: Step, telling: Telling, request: string | undefined): Promise<Outcome> {
  const { slack } = telling;
  const before = snapshotOf(slack);
  try {
    telling.begins(describe(step, telling, request));
    const done = await act(step, telling, request);
    if (typeof done === 'object') return done;
    return await settled(telling, before, done, step.is === 'wait' ? patience.wait : patience.step);
  } catch (error) {
    telling.signal.throwIfAborted();
    throw error instanceof StepFailed ? error : new StepFailed((error as Error).message, { cause: error });
  } finally {
    telling.shows(freshSince(slack, before));
  }
}

function describe(step: Step, telling: Telling, request: string | undefined): string {
  switch (step.is) {
    case 'type':
      return `${step.by}: ${filledIn(step.text, telling.pids)}`;
    case 'withdraw':
      return `${step.by}: ${withdrawal(request)}`;
    case 'click':
      return `${step.by} clicks ${step.label}`;
    case 'approve':
      return `${step.by} clicks Approve`;
    case 'deny':
      return `${step.by} clicks Deny, because: ${step.reason}`;
    case 'wait':
      return `waiting for a decision on ${request ?? 'nothing'}, at ${telling.slack.url}`;
  }
}

/** `{idle}` becomes the pid that it stands for. */
function filledIn(text: string, pids: Telling['pids']): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(pids[name] ?? whole));
}

function withdrawal(request: string | undefined): string {
  return `/db cancel-request ${needed(request)}`;
}

function needed(request: string | undefined): string {
  if (request === undefined) throw new StepFailed('No step before this one asked for an approval.');
  return request;
}

/** @returns the action that was decided on, if any; or what came of it where nothing follows. */
async function act(step: Step, telling: Telling, request: string | undefined): Promise<string | undefined | Outcome> {
  const person = telling.slack.person(step.by);
  switch (step.is) {
    case 'type':
      await person.types(filledIn(step.text, telling.pids));
      return undefined;
    case 'withdraw':
      await person.types(withdrawal(request));
      return undefined;
    case 'approve':
      return actionOf(await person.clicks('Approve'));
    case 'click':
      return actionOf(await person.clicks(step.label));
    case 'deny':
      return deny(step.by, step.reason, telling);
    case 'wait':
      return needed(request);
  }
}

/** Opens the form for the reason and sends it; or reads there why this person may not. */
async function deny(by: string, reason: string, { slack, showsModal }: Telling): Promise<string | undefined | Outcome> {
  const person = slack.person(by);
  const callsBefore = slack.calls.length;
  const exchange = await person.clicks('Deny');
  const isFilled = () =>
    slack.calls.slice(callsBefore).some(({ method, answer }) => method === 'views.update' && answer !== undefined);
  const form = await slack.until(() => isFilled() && person.modal(), 'the form for the reason');
  const [input] = controlsOf(form.blocks);
  if (!input) {
    showsModal(form);
    await person.closes();
    return { event: 'not counted', action: actionOf(exchange) };
  }
  await person.submits({ [input.actionId]: reason });
  return actionOf(exchange);
}

/** What a button's value names. */
function actionOf({ payload }: Exchange): string | undefined {
  return (payload.actions as { value?: string }[] | undefined)?.[0]?.value;
}

/** Waits until the step has come to something and no more changes follow. */
async function settled(
  telling: Telling,
  before: Snapshot,
  about: string | undefined,
  patient: number,
): Promise<Outcome> {
  let last = '';
  for (;;) {
    const fresh = freshSince(telling.slack, before);
    const outcome = outcomeOf(fresh, about);
    const pause = outcome === undefined ? patient : quiet[outcome.event === 'unrecorded' ? 'unrecorded' : 'recorded'];
    const changed = await nextChange(telling, pause);
    if (!changed && outcome !== undefined) return outcome;
    if (!changed) throw new StepFailed(`Nothing happened for ${patient / 1_000} s.`);
    const line = progressOf(freshSince(telling.slack, before));
    if (line !== undefined && line !== last) telling.goesOn(line);
    last = line ?? last;
  }
}

/** Whether something changed in the workspace within so many milliseconds. */
async function nextChange({ slack, signal }: Telling, milliseconds: number): Promise<boolean> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const forget = slack.onChange(() => resolve(true));
  const timer = setTimeout(resolve, milliseconds, false);
  const wake = () => resolve(true);
  signal.addEventListener('abort', wake);
  try {
    return await promise;
  } finally {
    forget();
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
    signal.throwIfAborted();
  }
}
