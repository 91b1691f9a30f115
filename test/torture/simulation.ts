import type { EventKind } from '../../src/audit/record.ts';
import type { Database } from '../../src/store/store.ts';
import { Chance } from './chance.ts';
import { dayLength, plan } from './day.ts';
import { type Violation, violations } from './invariants.ts';
import type { Engine } from './store.ts';
import { World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** An empty store of its own. */
  readonly db: Database;
  readonly engine: Engine;
  /** Processes at once, 1 to 3; the seed decides unless told. */
  readonly processes?: number | undefined;
}

export interface Run {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** SHA-256 of everything that happened, in order. */
  readonly traceHash: string;
  /** The end of what happened. */
  readonly lastLines: readonly string[];
  readonly steps: number;
  /** How often there was what, so that nobody believes a run in which nothing happened. */
  readonly seen: Readonly<Record<Sight, number>>;
}

export type Sight =
  | 'effects'
  | 'approvals'
  | 'approvals dropped'
  | 'broken glasses'
  | 'interruptions'
  | 'processes ended'
  | 'writes refused or unanswered';

/** After the day nothing breaks any more; by then, everything has come to its end. Virtual milliseconds. */
const longestCalm = 300_000;

/** The calm is looked at this often, virtual milliseconds. */
const look = 10_000;

/** One day of the bot's life, a calm in which everything comes to its end, and what does not hold of it. */
export async function simulate({ seed, db, engine, processes }: SimulationOptions): Promise<Run> {
  const chance = new Chance(seed);
  const world = new World({ chance, db, engine, processes: processes ?? chance.between(1, 3) });
  const { scheduler } = world;
  world.staff();
  plan(world);
  await scheduler.runUntil(scheduler.now() + dayLength);
  world.network.trouble = 0;
  world.network.down = 0;
  world.target.acted = () => {};
  world.replaced = () => {};
  world.slack.appeared = () => {};
  world.storeTrouble.dropping = 0;
  world.storeTrouble.refusesUntil = 0;
  world.slack.archivedUntil = 0;
  // Those under way to the store have taken their time; then one last process finds what all others have left.
  await scheduler.runUntil(scheduler.now() + look);
  world.killAll();
  world.staff(1);
  const end = scheduler.now() + longestCalm;
  do await scheduler.runUntil(scheduler.now() + look);
  while (scheduler.now() < end && !(await quiet(db)));
  const found = await violations(world);
  world.killAll();
  const seen = await sights(world);
  const { traceHash, lastLines, steps } = scheduler;
  return { seed, violations: found, traceHash, lastLines, steps, seen };
}

async function sights({ db, target, deaths, storeTrouble }: World): Promise<Run['seen']> {
  const events = await db.selectFrom('events').select('kind').execute();
  const count = (kind: EventKind) => events.filter(event => event.kind === kind).length;
  return {
    effects: target.effects.length,
    approvals: count('approved'),
    'approvals dropped': count('approval_dropped'),
    'broken glasses': count('broke_glass'),
    interruptions: count('interrupted'),
    'processes ended': deaths.size,
    'writes refused or unanswered': storeTrouble.happened.length,
  };
}

/** Whether nothing is left to do in the store. */
async function quiet(db: Database): Promise<boolean> {
  const unfinished = await db
    .selectFrom('actions')
    .select('id')
    .where(eb => eb.or([eb('finished_at', 'is', null), eb('told', '=', 0), eb('alarm_at', 'is not', null)]))
    .executeTakeFirst();
  const undelivered = await db
    .selectFrom('deliveries')
    .select('event_seq')
    .where('delivered_at', 'is', null)
    .executeTakeFirst();
  return unfinished === undefined && undelivered === undefined;
}
