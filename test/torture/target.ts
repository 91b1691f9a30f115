import type { Owner } from './scheduler.ts';

/** What the simulated commands act on: things, each in a condition that may change by itself, and what was done to them. */
export interface Effect {
  /** `A-1042` */
  readonly action: string;
  readonly command: string;
  /** Canonical JSON of what the command was told to do. */
  readonly plan: string;
  readonly at: number;
}

export class SimulatedTarget {
  readonly effects: Effect[] = [];
  /** Called with whose process it was, at each effect. */
  acted: (owner: Owner) => void = () => {};
  readonly #conditions = new Map<string, number>();

  conditionOf(thing: string): number {
    return this.#conditions.get(thing) ?? 1;
  }

  drift(thing: string): void {
    this.#conditions.set(thing, this.conditionOf(thing) + 1);
  }

  /** Acts and checks the condition in one statement. @returns whether it held. */
  act(owner: Owner, thing: string, condition: number | undefined, effect: Effect): boolean {
    if (condition !== undefined && condition !== this.conditionOf(thing)) return false;
    this.effects.push(effect);
    this.acted(owner);
    return true;
  }
}
