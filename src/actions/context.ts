import type { Logger } from 'pino';
import type { View } from '../../blocks/view.ts';
import type { AccessRules, Gate } from '../access/gate.ts';
import type { AnswerFile, Command } from '../command.ts';
import type { ChangeServices, ReadServices, RoutineServices } from '../services.ts';
import type { TargetSettings } from '../target-settings.ts';
import type { Ledger } from './ledger.ts';
import type { Action } from './ledger-types.ts';
import type { Turns } from './turns.ts';

/** Where a message is, or is to be. */
export interface Place {
  readonly channel: string;
  /** In a thread, under this message. */
  readonly thread?: string;
  /** The message itself, once there is one: then it is edited. */
  readonly ts?: string;
  /** Slack's way to answer where the bot is not a member; good for 30 minutes. */
  readonly responseUrl?: string;
}

/** The bot is not in that channel, or it is archived: nothing will be shown there. */
export class PlaceClosed extends Error {
  override readonly name = 'PlaceClosed';
}

/** Shows views to people; the Slack side implements it. */
export interface Stage {
  /**
   * Posts the view, or edits the message when `place.ts` names one; where that can no longer be edited, posts anew.
   * @returns where it is now.
   * @throws PlaceClosed when the channel takes no messages of the bot; else what Slack said when it took neither.
   */
  put(place: Place, view: View): Promise<Place>;
  /** Shows the view to one person only. Never throws; says whether Slack took it. */
  whisper(place: Place, person: string, view: View): Promise<boolean>;
  /** Shows the view to one person in a direct message. Never throws; says whether Slack took it. */
  direct(person: string, view: View): Promise<boolean>;
  /** Puts files below a message. Never throws; gives a sentence that says why it could not. */
  attach(place: Place, files: readonly AnswerFile[]): Promise<string | undefined>;
}

/** What the record's way to the audit channel looks like from here. */
export interface AuditHealth {
  /** Why nothing destructive may happen now, in words for a person; `undefined` when the record reaches its channel. */
  problem(): Promise<string | undefined>;
  /** Tries at once and waits until the action's events so far were posted or refused, at most this long. */
  settled(actionId: number, milliseconds: number): Promise<void>;
}

/** A target as the life of an action sees it. */
export interface ActionTarget {
  readonly settings: TargetSettings;
  readonly access: AccessRules;
  /** Routine commands that need approval here. */
  readonly approvalFor: ReadonlySet<string>;
}

/** What one execution is given. */
export interface Execution {
  readonly action: Action;
  readonly signal: AbortSignal;
  readonly progress: (view: View) => void;
  /**
   * Asked right before an effect, again for each: a process that was stopped for a while may have been taken for dead,
   * and what it was about to do told as interrupted.
   * @throws when the effect must not happen any more.
   */
  readonly mayAct: () => void;
}

/** Makes the services of an execution; the three differ in what they can reach. */
export interface ServiceFactory {
  read(execution: Execution): ReadServices;
  routine(execution: Execution): RoutineServices;
  change(execution: Execution): ChangeServices;
}

export interface Context {
  readonly ledger: Ledger;
  /** Whether no other process shares the store. */
  readonly sole: boolean;
  readonly commands: readonly Command[];
  readonly targets: ReadonlyMap<string, ActionTarget>;
  readonly defaultTarget: string;
  readonly gate: Gate;
  /** Who the bot is: the requester of what nobody asked for. */
  readonly self: { readonly user: string; readonly team: string };
  readonly stage: Stage;
  readonly audit: AuditHealth;
  readonly services: ServiceFactory;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** A short reference that a person can read out and the log can be searched for. */
  readonly newReference: () => string;
  readonly approvalMilliseconds: number;
  /** How many requests of one person may wait at once. */
  readonly maxWaiting: number;
  /** Keeps one person's flood from everybody else. */
  readonly turns: Pick<Turns, 'take'>;
  /** Running actions of this process, to cancel them. */
  readonly jobs: Jobs;
  readonly retries: Retries;
}

/** When what could not be shown is tried again: after growing pauses. */
export class Retries {
  readonly #next = new Map<number, { at: number; pause: number }>();

  /** Whether it is time; then it is not, for twice as long as before. @param now milliseconds since 1970. */
  due(id: number, now: number): boolean {
    const { at, pause } = this.#next.get(id) ?? { at: now, pause: 30_000 };
    if (now < at) return false;
    this.#next.set(id, { at: now + pause, pause: Math.min(pause * 2, 3_600_000) });
    return true;
  }
}

/** Executions under way in this process. */
export class Jobs {
  readonly #running = new Map<number, AbortController>();
  readonly #held = new Set<number>();
  readonly #tracked = new Set<Promise<unknown>>();
  #closed = false;
  #lastHeard = 0;

  /** Whether the process is shutting down and takes nothing new. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ids of the actions under way in this process. */
  get underWay(): readonly number[] {
    return [...new Set([...this.#held, ...this.#running.keys()])];
  }

  /** Does what belongs to an action: planning it, showing its card, its whole life when it runs at once. */
  async hold(id: number, work: () => Promise<void>): Promise<void> {
    this.#held.add(id);
    try {
      await work();
    } finally {
      this.#held.delete(id);
    }
  }

  /** How many run now. */
  get running(): number {
    return this.#running.size;
  }

  /** Runs the work under an abort signal, known by the action's id. */
  async run(id: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      await work(controller.signal);
    } finally {
      this.#running.delete(id);
    }
  }

  /** Counts a request or a click as under way until it is answered. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#tracked.add(work);
    try {
      return await work;
    } finally {
      this.#tracked.delete(work);
    }
  }

  /** The store has confirmed that this process holds its actions, at that time: milliseconds since 1970. */
  heard(now: number): void {
    this.#lastHeard = now;
  }

  /** Whether others may soon take this process for dead. Milliseconds. */
  doubted(now: number, lease: number): boolean {
    return now - this.#lastHeard >= lease * 0.75;
  }

  /** Stops what runs, all of it or one: other processes take it for dead. */
  abandon(id?: number): void {
    for (const [running, job] of this.#running) if (id === undefined || id === running) job.abort(lostHold);
  }

  /** @returns whether that action runs here. */
  cancel(id: number): boolean {
    const job = this.#running.get(id);
    job?.abort(cancelled);
    return job !== undefined;
  }

  /**
   * Takes nothing new, gives what is under way its time, then stops it.
   * @param patience ends when the time for what runs is over; `lastly` when nobody waits for the stopped any longer.
   */
  async close(patience: Promise<void>, lastly: () => Promise<void>): Promise<void> {
    this.#closed = true;
    const all = () => Promise.allSettled([...this.#tracked]).then(() => undefined);
    await Promise.race([all(), patience]);
    for (const job of this.#running.values()) job.abort(shutDown);
    await Promise.race([all(), lastly()]);
  }
}

/** Why a signal was aborted. */
export const cancelled = Symbol('cancelled by a person');
export const shutDown = Symbol('the bot shuts down');
export const lostHold = Symbol('other processes take this one for dead');

/** What people say of an action: `A-1042`. */
export function spoken(id: number): string {
  return `A-${id}`;
}

/** The number in `A-1042`; `undefined` for anything else, which a forged button may carry. */
export function unspoken(text: string): number | undefined {
  const match = /^A-(\d{1,15})$/i.exec(text.trim());
  return match ? Number(match[1]) : undefined;
}

/** Where an action's message belongs: in the thread it was asked in, or where the message is already. */
export function placeOf(action: Action, responseUrl?: string): Place {
  if (action.message_channel !== null && action.message_ts !== null) {
    return { channel: action.message_channel, ts: action.message_ts };
  }
  return {
    channel: action.channel,
    ...(action.thread !== null && { thread: action.thread }),
    ...(responseUrl !== undefined && { responseUrl }),
  };
}
