import { answer, note, problem, working } from '../../blocks/frame.ts';
import { button, actions as buttons, preformatted } from '../../blocks/parts.ts';
import type { View } from '../../blocks/view.ts';
import type { Answer, AnswerFile } from '../command.ts';
import { UserError } from '../errors.ts';
import { type Context, cancelled, type Execution, lostHold, type Place, placeOf, shutDown, spoken } from './context.ts';
import type { Action, Ending } from './ledger-types.ts';
import { headingOf, tryToShowEnd } from './show.ts';

/**
 * A person who sees nothing for three seconds types again: then a placeholder is shown. As long again may have passed
 * before the action ran, see ask.ts. Milliseconds.
 */
const patience = 1_400;

/** chat.update allows about 50 edits a minute (https://docs.slack.dev/apis/web-api/rate-limits, tier 3). */
const editEvery = 3_000;

/**
 * Carries out an action that is running, and ends it: the store first, then the people. Never throws: whatever
 * happens becomes the action's outcome.
 *
 * @param options.shown what is being shown of it already; the end is shown after that, never under it.
 */
export async function perform(
  context: Context,
  action: Action,
  work: (execution: Execution) => Promise<Answer>,
  { responseUrl, shown }: { readonly responseUrl?: string | undefined; readonly shown?: Promise<void> } = {},
): Promise<void> {
  await context.jobs.run(action.id, async signal => {
    const screen = new Screen(context, action, responseUrl);
    try {
      const result = await attempt(context, action, work, signal, view => screen.progress(view));
      const ended = await writeDown(context, action, result, signal);
      await Promise.all([screen.close(), shown]);
      if (!ended) return await repairCard(context, action);
      const place = ended.plan === null ? screen.place : undefined;
      const stands = await tryToShowEnd(context, ended, { view: result.view, ...(place && { place }) });
      if (stands && result.files) await attach(context, ended, stands, result.files);
    } finally {
      await screen.close();
    }
  });
}

/** Others have told the end of this action: its card, which this process may have edited since, says it again. */
async function repairCard(context: Context, { id }: Action): Promise<void> {
  const stored = await context.ledger.find(id);
  if (stored?.finished_at && stored.plan !== null) await tryToShowEnd(context, stored, { knows: true });
}

/** Pauses between tries to write down an end, milliseconds: half a second, then twice as long each time. */
const firstPause = 500;
const longestPause = 30_000;

/**
 * The end goes into the store, however long the store refuses it (a full disk): what has run is not asked for again in
 * ignorance. Until then the requester knows it from here alone.
 */
async function writeDown(
  context: Context,
  action: Action,
  { ending, outcome }: Result,
  signal: AbortSignal,
): Promise<Action | undefined> {
  const about = { action: spoken(action.id), ending, outcome };
  for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      const ended = await context.ledger.finish(action.id, ending, outcome);
      if (!ended) context.log.error(about, 'an action ended that was no longer running here');
      return ended;
    } catch (error) {
      context.log.error({ err: error, ...about }, 'an end could not be written down yet');
      if (pause === firstPause) {
        const said = `${about.action} ${ending}: ${outcome} This could not be written down yet: do not ask for it again, and tell whoever runs the bot that its store takes no writes.`;
        await context.stage.whisper(placeOf(action), action.requester, note(said));
      }
      const cancelledOnly = signal.aborted && signal.reason === cancelled;
      if (signal.aborted && !(cancelledOnly && !context.jobs.closed)) return undefined;
      await context.sleep(pause, cancelledOnly ? undefined : signal);
    }
  }
}

interface Result {
  readonly ending: Ending;
  readonly outcome: string;
  readonly view: View;
  readonly files?: readonly AnswerFile[] | undefined;
}

async function attempt(
  context: Context,
  action: Action,
  work: (execution: Execution) => Promise<Answer>,
  signal: AbortSignal,
  progress: (view: View) => void,
): Promise<Result> {
  const { jobs, ledger, now, sole } = context;
  const mayAct = () => {
    if (!sole && jobs.doubted(now(), ledger.lease)) jobs.abandon(action.id);
    signal.throwIfAborted();
  };
  try {
    const { view, outcome, files, failed } = await work({ action, signal, progress, mayAct });
    return { ending: failed ? 'failed' : 'succeeded', outcome, view, files };
  } catch (error) {
    if (signal.aborted && signal.reason === cancelled) {
      return stopped('cancelled', 'It was cancelled and has stopped.');
    }
    if (signal.aborted && signal.reason === shutDown) {
      return stopped('cancelled', 'The bot was shut down, so it was stopped before its end.', 'Ask again.');
    }
    if (signal.aborted && signal.reason === lostHold) {
      const message = 'The bot lost its store while this ran, so it was stopped. Nobody knows whether it took effect.';
      return stopped('interrupted', message, 'It is not tried again. Look at /db status.');
    }
    const { message, hint } = explain(context, error, { action: spoken(action.id), command: action.command });
    return { ending: 'failed', outcome: message, view: problem(message, hint) };
  }
}

function stopped(ending: Ending, message: string, hint?: string): Result {
  return { ending, outcome: message, view: problem(message, hint) };
}

/**
 * The one place that decides what a person is told of an error: a `UserError` as it is, anything else as a reference
 * to the log.
 */
export function explain(
  context: Pick<Context, 'log' | 'newReference'>,
  error: unknown,
  about: Record<string, unknown>,
): { message: string; hint: string | undefined } {
  if (error instanceof UserError) {
    context.log.info({ ...about, ...(error.cause !== undefined && { err: error.cause }) }, error.message);
    return { message: error.message, hint: error.hint };
  }
  const reference = context.newReference();
  context.log.error({ err: error, reference, ...about }, 'something broke');
  return {
    message: `Something broke on our side, reference ${reference}.`,
    hint: 'Nothing more will happen by itself. Ask again, and tell whoever runs the bot the reference.',
  };
}

/** Files below the answer, or below it why they are not there. */
async function attach(context: Context, ended: Action, place: Place, files: readonly AnswerFile[]): Promise<void> {
  const why = await context.stage.attach(place, files);
  if (why !== undefined) await context.stage.whisper(place, ended.requester, problem(why));
}

/** The message of a running action: a placeholder after a while, then its progress, edited in place. */
class Screen {
  readonly #context: Context;
  readonly #action: Action;
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;
  #place: Place;
  #latest: View | undefined;

  constructor(context: Context, action: Action, responseUrl: string | undefined) {
    this.#context = context;
    this.#action = action;
    this.#place = placeOf(action, responseUrl);
    this.#loop = this.#show();
  }

  get place(): Place {
    return this.#place;
  }

  progress(view: View): void {
    this.#latest = view;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  async #show(): Promise<void> {
    const { signal } = this.#closing;
    const { sleep, stage, ledger, log } = this.#context;
    // A card already says that it is running, and an edited answer already stands there: no placeholder over them.
    const standing = this.#place.ts !== undefined;
    await sleep(patience, signal);
    let shown: View | undefined;
    while (!signal.aborted) {
      const next: View | undefined = this.#latest ?? (standing ? undefined : working(headingOf(this.#action)));
      if (next !== undefined && next !== shown && !(this.#action.plan !== null && this.#latest === undefined)) {
        shown = next;
        try {
          this.#place = await stage.put(this.#place, this.#framed(next));
          if (this.#place.ts !== undefined) await ledger.place(this.#action.id, this.#place.channel, this.#place.ts);
        } catch (error) {
          log.warn({ err: error, action: spoken(this.#action.id) }, 'progress could not be shown');
        }
      }
      await sleep(editEvery, signal);
    }
  }

  #framed(view: View): View {
    if (view !== this.#latest) return view;
    const cancel = buttons(button({ text: 'Cancel', verb: 'cancel', value: spoken(this.#action.id) }));
    const hasCancel = view.blocks.some(
      block =>
        block.type === 'actions' &&
        block.elements.some(element => 'action_id' in element && element.action_id === 'cancel'),
    );
    // A card has rich text, and Slack edits such a message only into one that has some too (block_mismatch).
    const statement = this.#action.plan === null ? [] : [preformatted(this.#action.statement ?? this.#action.command)];
    const blocks = [...view.blocks, ...(hasCancel ? [] : [cancel]), ...statement];
    return answer(headingOf(this.#action), { text: view.text, blocks });
  }
}
