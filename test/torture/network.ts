import type { Chance } from './chance.ts';
import type { Owner, Scheduler } from './scheduler.ts';

/** What a caller hears of its call. */
export type Reply<T> =
  | { readonly is: 'answered'; readonly value: T }
  | { readonly is: 'refused' | 'unanswered' }
  | { readonly is: 'rate limited'; readonly seconds: number };

/** How a call that does not fare well fares; the numbers are weights. */
const misfortunes = { slow: 8, lost: 4, 'done and dropped': 6, 'rate limited': 3, refused: 3 };

type Fate = 'fine' | keyof typeof misfortunes;

/** A call gives up after this long, as the Web API client does (src/slack/clients.ts). Milliseconds. */
const patience = 10_000;

/** What was given up on may still arrive this much later. Milliseconds. */
const straggling = 3_000;

/** Between the processes and everything else. What is under way when a process dies may still arrive. */
export class Network {
  readonly #chance: Chance;
  readonly #scheduler: Scheduler;
  /** How likely a call is not to fare well. */
  trouble: number;
  /** Until this virtual moment nothing arrives. */
  down = 0;

  constructor(chance: Chance, scheduler: Scheduler) {
    this.#chance = chance;
    this.#scheduler = scheduler;
    this.trouble = chance.pick([0, 0.03, 0.1, 0.2]);
  }

  /**
   * One call of a process.
   * @param longest how long the other side may take over it, milliseconds; past the caller's patience it is not awaited.
   */
  async call<T>(owner: Owner, label: string, effect: () => T, longest = 400): Promise<Reply<T>> {
    const fate = this.#fate();
    const there = fate === 'slow' ? this.#chance.between(400, 8_000) : this.#chance.between(1, longest);
    switch (fate) {
      case 'fine':
      case 'slow': {
        const value = await this.#arrives(owner, there, label, effect);
        await this.#scheduler.wait(owner, this.#chance.between(1, 200), `${label} answered`);
        return { is: 'answered', value };
      }
      case 'lost':
        await this.#scheduler.wait(owner, this.#chance.between(1, patience), `${label} lost`);
        return { is: 'unanswered' };
      case 'done and dropped': {
        // Either the connection breaks after it arrived, or the caller gives up on it and it arrives later.
        const late = this.#chance.happens(0.3);
        const arrival = late ? this.#chance.between(patience, patience + straggling) : there;
        void this.#arrives(owner, arrival, label, effect);
        const heard = late ? patience : this.#chance.between(there, patience);
        await this.#scheduler.wait(owner, heard, `${label} dropped`);
        return { is: 'unanswered' };
      }
      case 'rate limited':
        await this.#scheduler.wait(owner, there, `${label} rate limited`);
        return { is: 'rate limited', seconds: this.#chance.between(1, 5) };
      case 'refused':
        await this.#scheduler.wait(owner, there, `${label} refused`);
        return { is: 'refused' };
    }
  }

  #fate(): Fate {
    if (this.#scheduler.now() < this.down) return 'lost';
    return this.#chance.happens(this.trouble) ? this.#chance.weighted(misfortunes) : 'fine';
  }

  /** What a process has sent arrives even when it dies meanwhile, or never does: that is settled when it is sent. */
  #arrives<T>(owner: Owner, milliseconds: number, label: string, effect: () => T): Promise<T> {
    const survives = this.#chance.happens(0.5);
    const wire: Owner = { name: `${owner.name}’s network`, alive: true };
    return new Promise((resolve, reject) => {
      this.#scheduler.later(wire, milliseconds, label, () => {
        if (!owner.alive && !survives) return;
        try {
          const value = effect();
          if (owner.alive) resolve(value);
        } catch (error) {
          if (owner.alive) reject(error);
        }
      });
    });
  }
}
