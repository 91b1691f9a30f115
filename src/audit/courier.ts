/**
 * Carries the record to the audit channel: every event once, in order, a thread an action. Before a message is sent,
 * its id is written down; a message whose fate is unknown is looked for by that id before it is sent again.
 */
import type { Logger } from 'pino';
import { auditView } from '../../blocks/audit.ts';
import { duration } from '../../blocks/text.ts';
import type { AuditChannel } from './channel.ts';
import { nextParcel, type Outbox, type Parcel } from './outbox.ts';

export interface CourierOptions {
  readonly outbox: Outbox;
  readonly channel: AuditChannel;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Destructive commands are refused when the oldest event waits longer than this. Milliseconds. */
  readonly oldestAllowed: number;
  /** Least time between two messages, milliseconds; Slack allows one a second with short bursts. */
  readonly pace: number;
}

/** The longest pause between two tries, milliseconds. */
const longestPause = 30_000;

/** How often a process looks for what another one recorded, milliseconds: a card waits for its record, and a person for the card. */
const lookEvery = 250;

/** A call that took this long was given up on (clients.ts: 10 s), and Slack may still post its message. Milliseconds. */
const givenUp = 9_000;

/** Messages in a row without a pause; https://docs.slack.dev/apis/web-api/rate-limits allows short bursts. */
const burst = 5;

export class Courier {
  readonly #options: CourierOptions;
  #closing = new AbortController();
  #nap = new AbortController();
  #loop: Promise<void> | undefined;
  /** `undefined`: not known yet whether an earlier holder has noted a refusal. */
  #refused: boolean | undefined;
  /** Posts whose call has ended without an answer by itself: they are not under way any more. */
  readonly #ended = new Set<string>();
  #refusals = 0;
  /** Slack wants no message earlier, milliseconds since 1970. */
  #notBefore = 0;
  #tries = 0;
  #credit = burst;
  #lastPost = 0;
  readonly #watchers = new Set<() => void>();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** There is something new in the record. */
  nudge(): void {
    if (this.#tries === 0) this.#nap.abort();
  }

  /** Ends after the message under way. What is left is carried by the next start. */
  async stop(): Promise<void> {
    this.#closing.abort();
    this.#nap.abort();
    await this.#loop;
    await this.#options.outbox.release();
  }

  /** Waits until everything recorded so far is in the channel, or so many milliseconds. For a clean shutdown. */
  async drain(milliseconds: number): Promise<void> {
    const { outbox } = this.#options;
    const last = await outbox.newest();
    if (last !== undefined) await this.#until(async () => !(await outbox.waitsUpTo(last)), milliseconds);
  }

  /** Why nothing destructive may happen now; `undefined` when the record reaches its channel. */
  async problem(): Promise<string | undefined> {
    const { outbox, now, oldestAllowed } = this.#options;
    const refusal = await outbox.refusal();
    if (refusal !== undefined) {
      return `The audit channel takes no messages (${refusal}), and nothing is changed without a record of it. Have the bot invited there again, or the channel unarchived, then ask again.`;
    }
    const oldest = await outbox.oldest();
    if (oldest === undefined || now() - oldest <= oldestAllowed) return undefined;
    const behind = duration((now() - oldest) / 1000);
    return `The audit record is ${behind} behind: Slack has not taken it. Nothing is changed until it has caught up. Try again in a few minutes.`;
  }

  /**
   * Tries at once, whatever pause it was in, and waits until the action's events so far were posted or refused anew, at
   * most so many milliseconds: whoever has just mended the channel need not wait for the next try.
   */
  async settled(actionId: number, milliseconds: number): Promise<void> {
    const before = this.#refusals;
    this.#nap.abort();
    await this.#until(
      async () => this.#refusals > before || !(await this.#options.outbox.waitsFor(actionId)),
      milliseconds,
    );
  }

  async #until(done: () => Promise<boolean>, milliseconds: number): Promise<void> {
    const finished = new AbortController();
    const over = new AbortController();
    const timer = this.#options.sleep(milliseconds, AbortSignal.any([finished.signal, this.#closing.signal]));
    const expiring = timer.then(() => over.abort());
    while (!over.signal.aborted) {
      // Listening begins before the question, so that a step that ends meanwhile is not missed.
      const step = this.#nextStep(over.signal);
      if (await done()) break;
      await step;
    }
    finished.abort();
    await expiring;
  }

  async #nextStep(deadline: AbortSignal): Promise<void> {
    await new Promise<void>(resolve => {
      this.#watchers.add(resolve);
      deadline.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #run(): Promise<void> {
    const { log, sleep } = this.#options;
    while (!this.#closing.signal.aborted) {
      let pause: number;
      try {
        pause = await this.#step();
      } catch (error) {
        log.error({ err: error }, 'the audit courier stumbled and tries again');
        pause = this.#backOff();
      }
      for (const wake of this.#watchers) wake();
      this.#watchers.clear();
      if (pause > 0) await sleep(pause, AbortSignal.any([this.#closing.signal, this.#nap.signal]));
      this.#nap = new AbortController();
    }
  }

  /** @returns how long to pause, in milliseconds. */
  async #step(): Promise<number> {
    const { outbox, now } = this.#options;
    if (!(await outbox.hold(now()))) return lookEvery;
    const parcel = nextParcel(await outbox.waiting(), now());
    if (parcel === 'empty') return lookEvery;
    if ('readyIn' in parcel) return parcel.readyIn;
    const found = parcel.attempted ? await this.#lookFor(parcel) : { ts: undefined };
    if (found === undefined) return this.#backOff();
    if (found.ts !== undefined) return this.#delivered(parcel, found.ts);
    const under = parcel.attemptedAt + outbox.underWay - now();
    if (parcel.attempted && !this.#ended.has(parcel.id) && under > 0) return under;
    return this.#send(parcel);
  }

  /** @returns `undefined` when nobody can tell yet. */
  async #lookFor(parcel: Parcel): Promise<{ readonly ts: string | undefined } | undefined> {
    const { channel, log } = this.#options;
    const found = await channel.find(parcel.id, parcel.thread, parcel.attemptedAt);
    if ('ts' in found) return found;
    log.warn({ why: found.unknown }, 'cannot tell yet whether an audit message was posted');
    return undefined;
  }

  async #send(parcel: Parcel): Promise<number> {
    const { channel, outbox, log, now } = this.#options;
    const wait = this.#notBefore > now() ? this.#notBefore - now() : this.#paceLeft();
    if (wait > 0) return wait;
    if (!(await outbox.attempt(parcel, now()))) return 0;
    const view = auditView(parcel.events, parcel.thread === undefined);
    const hashes = parcel.events.map(event => event.hash);
    if (!outbox.mayStillSend(now())) return 0;
    this.#ended.delete(parcel.id);
    const sent = now();
    const result = await channel.post({
      id: parcel.id,
      thread: parcel.thread,
      view,
      hashes,
      mayGo: () => outbox.mayStillSend(now()),
    });
    this.#lastPost = now();
    switch (result.is) {
      case 'posted':
        return this.#delivered(parcel, result.ts);
      case 'later':
        await outbox.forgetAttempt(parcel);
        log.info({ seconds: result.seconds }, 'Slack asks the audit courier for a pause');
        this.#tries = 1;
        this.#notBefore = now() + result.seconds * 1_000;
        return result.seconds * 1_000;
      case 'refused':
        await outbox.forgetAttempt(parcel);
        await outbox.noteRefusal(result.why);
        this.#refused = true;
        this.#refusals += 1;
        log.error({ why: result.why, channel: channel.name }, 'the audit channel refuses messages');
        return this.#backOff();
      case 'unknown':
        log.warn({ why: result.why }, 'an audit message got no answer');
        if (now() - sent < givenUp) this.#ended.add(parcel.id);
        return this.#backOff();
    }
  }

  async #delivered(parcel: Parcel, ts: string): Promise<number> {
    const { outbox, now } = this.#options;
    await outbox.delivered(parcel, ts, now());
    this.#tries = 0;
    this.#ended.delete(parcel.id);
    if (this.#refused !== false) await outbox.noteRefusal(undefined);
    this.#refused = false;
    return 0;
  }

  #paceLeft(): number {
    const { now, pace } = this.#options;
    if (pace === 0) return 0;
    const earned = Math.floor((now() - this.#lastPost) / pace);
    this.#credit = Math.min(burst, this.#credit + earned);
    if (this.#credit <= 0) return pace - ((now() - this.#lastPost) % pace);
    this.#credit -= 1;
    return 0;
  }

  #backOff(): number {
    this.#tries += 1;
    return Math.min(longestPause, 250 * 2 ** this.#tries);
  }
}
