import type { Breaking } from '../../src/actions/break-glass.ts';
import type { Database } from '../../src/store/store.ts';
import type { Chance } from './chance.ts';
import { Network } from './network.ts';
import { Rights } from './people.ts';
import { SimulatedProcess } from './process.ts';
import { type Owner, Scheduler } from './scheduler.ts';
import { SimulatedSlack } from './slack.ts';
import { type Engine, StoreTrouble } from './store.ts';
import { SimulatedTarget } from './target.ts';

/** What a person clicks, or sends with a form. */
export type Verb = 'approve' | 'deny' | 'withdraw' | 'cancel' | 'breakGlass';

/** A click that Slack delivered to a process. */
export interface Click {
  readonly person: string;
  readonly verb: Verb;
  /** The button's value. */
  readonly action: string;
  readonly at: number;
  /** When the process was done with it; never, if the process died first. */
  doneAt: number;
  /** What was typed into the form for breaking the glass. */
  readonly typed: Breaking | undefined;
}

export interface WorldOptions {
  readonly chance: Chance;
  readonly db: Database;
  readonly engine: Engine;
  /** Processes of the bot at once; a single one has the store for itself. */
  readonly processes: number;
}

/** Everything outside of the processes, and which of those live. */
export class World {
  readonly db: Database;
  readonly engine: Engine;
  readonly chance: Chance;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly rights = new Rights();
  readonly slack: SimulatedSlack;
  readonly target = new SimulatedTarget();
  readonly clicks: Click[] = [];
  readonly storeTrouble: StoreTrouble;
  /** What a process did wrong in a way that only itself can tell. */
  readonly slips: string[] = [];
  /** Who has asked for something. */
  readonly askers: string[] = [];
  /** From when on nobody does anything and nothing breaks. */
  dayEnds = 0;
  /** Whether a process has the store for itself. */
  readonly sole: boolean;
  readonly auditPace: number;
  /** When processes ended, by name. */
  readonly deaths = new Map<string, number>();
  /** Called when a process has ended. */
  replaced: () => void = () => {};
  /** What happens by itself, whoever lives. */
  readonly nature: Owner = { name: 'world', alive: true };
  #processes: number;
  #living: SimulatedProcess[] = [];
  #started = 0;

  constructor({ chance, db, engine, processes }: WorldOptions) {
    this.chance = chance;
    this.db = db;
    this.engine = engine;
    this.#processes = processes;
    this.sole = processes === 1;
    this.scheduler = new Scheduler(chance);
    this.network = new Network(chance, this.scheduler);
    this.slack = new SimulatedSlack(this.scheduler, this.rights);
    this.storeTrouble = new StoreTrouble(chance, this.scheduler.now, !this.sole);
    this.auditPace = chance.pick([0, 0, 1_000]);
  }

  /** Starts processes until there are as many as there should be. */
  staff(wanted = this.#processes): void {
    this.#processes = wanted;
    while (this.#living.length < wanted) {
      this.#started += 1;
      const process = new SimulatedProcess(`p${this.#started}`, this);
      this.#living.push(process);
      process.start();
    }
  }

  /** SIGKILL: nothing that it awaits ever comes. */
  kill(process: SimulatedProcess): void {
    this.scheduler.trace(`${process.name} is killed`);
    this.ended(process);
  }

  killAll(): void {
    for (const process of [...this.#living]) this.kill(process);
  }

  ended(process: SimulatedProcess): void {
    this.scheduler.end(process);
    this.deaths.set(process.name, this.scheduler.now());
    this.#living = this.#living.filter(other => other !== process);
    this.replaced();
  }

  /** Any process that receives, as Slack hands each envelope to any of them. */
  somebody(): SimulatedProcess | undefined {
    const receiving = this.#living.filter(process => process.receives);
    return receiving.length === 0 ? undefined : this.chance.pick(receiving);
  }
}
