import { UserError } from '../errors.ts';

export interface TurnsOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds in which one person earns one more; 0 sets no limit to the rate. */
  readonly earnEvery: number;
}

/** What one person may start in a row before the rate counts. */
const burst = 20;

/** What of one person is begun at once; the next is begun when one has ended or is well under way. */
const begunAtOnce = 3;

/** Something that has not ended by then is well under way and gives its place to the next, milliseconds. */
const wellUnderWay = 3_000;

/** What of one person runs, long jobs included, or waits for its turn. */
const mostAtOnce = 16;

/** How long anything waits for its turn, milliseconds: with what follows, an answer is there in three seconds. */
const patience = 750;

/** A person is told of a refusal at most this often, milliseconds. */
const toldEvery = 10_000;

/** Somebody who does too much at once. `told` lately: then it is refused without another word. */
export class TooMany extends UserError {
  override readonly name = 'TooMany';
  readonly told: boolean;
  constructor(told: boolean) {
    super('That was too much at once, so this was not done, and what follows in the next seconds may not be either.', {
      hint: 'Nobody else is held up. Wait a few seconds, then type or click once more.',
    });
    this.told = told;
  }
}

interface Turn {
  allowance: number;
  earnedAt: number;
  begun: number;
  taken: number;
  readonly queue: (() => void)[];
  toldAt: number;
}

/**
 * Lets everyone do a few things at once and a few a minute, so that a flood by one person slows that person only. A
 * refused one leaves no trace in the store: the audit channel, which takes one message a second, is not flooded either.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #turns = new Map<string, Turn>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** How many people are remembered: those who did something lately. */
  get size(): number {
    return this.#turns.size;
  }

  /**
   * Does the work when it is this person's turn.
   * @throws TooMany instead, when too much of this person's runs or waits, or waited for too long.
   */
  async take<T>(person: string, work: () => Promise<T>): Promise<T> {
    this.#forget();
    const turn = this.#turnOf(person);
    if (turn.taken >= mostAtOnce || !this.#earned(turn)) throw new TooMany(this.#toldLately(turn));
    turn.taken += 1;
    try {
      if (!(await this.#admitted(turn))) throw new TooMany(this.#toldLately(turn));
      return await this.#placed(turn, work);
    } finally {
      turn.taken -= 1;
    }
  }

  /** Does the work of someone who has a place among those begun. */
  async #placed<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
    const ended = new AbortController();
    const passedOn = this.#passOnAfter(turn, ended.signal);
    try {
      return await work();
    } finally {
      ended.abort();
      await passedOn;
    }
  }

  /** Waits for a place among those begun; on a yes the place is taken. */
  async #admitted(turn: Turn): Promise<boolean> {
    if (turn.begun < begunAtOnce) {
      turn.begun += 1;
      return true;
    }
    const called = new AbortController();
    const call = () => called.abort();
    turn.queue.push(call);
    await this.#options.sleep(patience, called.signal);
    if (called.signal.aborted) return true;
    turn.queue.splice(turn.queue.indexOf(call), 1);
    return false;
  }

  /** Gives the place among those begun to the next in the queue, when the work has ended or is well under way. */
  async #passOnAfter(turn: Turn, ended: AbortSignal): Promise<void> {
    await this.#options.sleep(wellUnderWay, ended);
    const next = turn.queue.shift();
    if (next) next();
    else turn.begun -= 1;
  }

  #turnOf(person: string): Turn {
    const known = this.#turns.get(person);
    if (known) return known;
    const turn = {
      allowance: burst,
      earnedAt: this.#options.now(),
      begun: 0,
      taken: 0,
      queue: [],
      toldAt: -toldEvery,
    };
    this.#turns.set(person, turn);
    return turn;
  }

  #earned(turn: Turn): boolean {
    const { now, earnEvery } = this.#options;
    if (earnEvery === 0) return true;
    this.#earn(turn, now());
    if (turn.allowance < 1) return false;
    turn.allowance -= 1;
    return true;
  }

  #earn(turn: Turn, now: number): void {
    const { earnEvery } = this.#options;
    turn.allowance = Math.min(burst, turn.allowance + (now - turn.earnedAt) / Math.max(1, earnEvery));
    turn.earnedAt = now;
  }

  #toldLately(turn: Turn): boolean {
    const now = this.#options.now();
    const lately = now - turn.toldAt < toldEvery;
    if (!lately) turn.toldAt = now;
    return lately;
  }

  /** Whoever has nothing under way and has earned everything back is as if never seen. */
  #forget(): void {
    const now = this.#options.now();
    for (const [person, turn] of this.#turns) {
      this.#earn(turn, now);
      if (turn.taken === 0 && turn.allowance >= burst && now - turn.toldAt >= toldEvery) this.#turns.delete(person);
    }
  }
}
