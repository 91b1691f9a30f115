import { createHash } from 'node:crypto';
import type { Chance } from './chance.ts';

/** Somebody whose awaits end with them: a process of the bot. */
export interface Owner {
  readonly name: string;
  alive: boolean;
}

interface Pending {
  readonly owner: Owner;
  readonly label: string;
  /** Virtual milliseconds since 1970. */
  readonly due: number;
  readonly run: () => void;
}

/** Lines of the trace that are kept, for a report, without those that say little. */
const remembered = 2_000;

const saysLittle = /: (sleep|store|stored)$/;

/**
 * Time and order of a simulated run. Whatever waits, waits here; one thing at a time goes on, chosen by chance among
 * those that are due; time passes only when nothing is due. So a run is a function of its seed.
 */
export class Scheduler {
  readonly #chance: Chance;
  readonly #pending: Pending[] = [];
  readonly #countdowns = new Map<Owner, { left: number; readonly run: () => void }>();
  readonly #trace: string[] = [];
  readonly #hash = createHash('sha256');
  #now = Date.UTC(2026, 10, 22, 9, 30);
  #steps = 0;
  #inStore = 0;
  #storeIdle = Promise.withResolvers<void>();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Virtual milliseconds since 1970. */
  readonly now = (): number => this.#now;

  get steps(): number {
    return this.#steps;
  }

  trace(line: string): void {
    const full = `${this.#now - Date.UTC(2026, 10, 22, 9, 30)} ${line}`;
    this.#hash.update(`${full}\n`);
    if (saysLittle.test(full)) return;
    this.#trace.push(full);
    if (this.#trace.length > remembered) this.#trace.shift();
  }

  /** The last lines of the trace. */
  get lastLines(): readonly string[] {
    return this.#trace;
  }

  /** SHA-256 over every line of the trace so far. */
  get traceHash(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Does something later, unless its owner dies first. @returns what takes it back. */
  later(owner: Owner, milliseconds: number, label: string, run: () => void): () => void {
    const pending: Pending = { owner, label, due: this.#now + milliseconds, run };
    if (owner.alive) this.#pending.push(pending);
    return () => {
      const index = this.#pending.indexOf(pending);
      if (index >= 0) this.#pending.splice(index, 1);
    };
  }

  /** An await of the owner's; of a dead owner, it never ends. */
  wait(owner: Owner, milliseconds: number, label: string): Promise<void> {
    return new Promise(resolve => {
      this.later(owner, milliseconds, label, resolve);
    });
  }

  /** Sleeps, or less when the signal aborts. */
  sleep(owner: Owner, milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const takeBack = this.later(owner, milliseconds, 'sleep', resolve);
      signal?.addEventListener(
        'abort',
        () => {
          takeBack();
          if (owner.alive) resolve();
        },
        { once: true },
      );
    });
  }

  /** Does something instead of letting the owner go on, after it went on so many times; once an owner. */
  afterSteps(owner: Owner, steps: number, run: () => void): void {
    if (!this.#countdowns.has(owner)) this.#countdowns.set(owner, { left: steps, run });
  }

  /** The owner is gone: nothing it waits for ever comes. */
  end(owner: Owner): void {
    owner.alive = false;
    for (let index = this.#pending.length - 1; index >= 0; index -= 1) {
      if (this.#pending[index]!.owner === owner) this.#pending.splice(index, 1);
    }
  }

  /** The real store works outside of virtual time: until it has answered, no decision is made. */
  enterStore(): void {
    this.#inStore += 1;
  }

  leaveStore(): void {
    this.#inStore -= 1;
    if (this.#inStore > 0) return;
    this.#storeIdle.resolve();
    this.#storeIdle = Promise.withResolvers();
  }

  /** Goes on until the virtual moment, or until nothing is left to do. */
  async runUntil(moment: number): Promise<void> {
    for (;;) {
      await this.#settled();
      const due = this.#pending.filter(pending => pending.due <= this.#now);
      if (due.length === 0) {
        const next = Math.min(...this.#pending.map(pending => pending.due));
        this.#now = Math.min(next, moment);
        if (next > moment) return;
        continue;
      }
      const chosen = due.length === 1 ? due[0]! : this.#chance.pick(due);
      this.#pending.splice(this.#pending.indexOf(chosen), 1);
      this.#steps += 1;
      this.trace(`${chosen.owner.name}: ${chosen.label}`);
      if (!this.#isOver(chosen.owner)) chosen.run();
    }
  }

  #isOver(owner: Owner): boolean {
    const countdown = this.#countdowns.get(owner);
    if (!countdown) return false;
    countdown.left -= 1;
    if (countdown.left >= 0) return false;
    this.#countdowns.delete(owner);
    countdown.run();
    return true;
  }

  /** Until every promise that can go on by itself has done so, and the store has answered. */
  async #settled(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#inStore > 0) {
      await this.#storeIdle.promise;
      await new Promise(setImmediate);
    }
  }
}
