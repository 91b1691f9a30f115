import { pino } from 'pino';
import { Directory } from '../../src/access/directory.ts';
import { Gate } from '../../src/access/gate.ts';
import { Actions } from '../../src/actions/actions.ts';
import { type Context, type Execution, Jobs, Retries, spoken } from '../../src/actions/context.ts';
import { Ledger } from '../../src/actions/ledger.ts';
import { leaseMilliseconds } from '../../src/actions/ledger-rows.ts';
import { Turns } from '../../src/actions/turns.ts';
import { Courier } from '../../src/audit/courier.ts';
import { Outbox } from '../../src/audit/outbox.ts';
import type { ChangeServices } from '../../src/services.ts';
import { type Lease, returnLease, takeLease } from '../../src/store/leases.ts';
import type { Database } from '../../src/store/store.ts';
import { simulatedCommands } from './commands.ts';
import { homeTeam } from './people.ts';
import type { Owner } from './scheduler.ts';
import { approvalMilliseconds, targets } from './settings.ts';
import { slackOf } from './slack.ts';
import { storeOf } from './store.ts';
import type { World } from './world.ts';

/** As in src/bot.ts, milliseconds; the sweep less often, because most of them find nothing. */
const heartbeatEvery = leaseMilliseconds / 10;
const sweepEvery = 4_000;
const tellerLease = 60_000;

/** At SIGTERM, milliseconds: for what runs, for what was stopped to say so, and for the record. */
const shutdownPatience = 5_000;
const lastWords = 5_000;
const lastPosts = 5_000;

/** One process of the bot: the real machinery on simulated ports. */
export class SimulatedProcess implements Owner {
  readonly name: string;
  readonly actions: Actions;
  alive = true;
  readonly #world: World;
  readonly #context: Context;
  readonly #courier: Courier;
  readonly #db: Database;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #receives = true;
  #stopping = false;

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
    const { scheduler, network, sole } = world;
    const { now } = scheduler;
    const sleep = (milliseconds: number, signal?: AbortSignal) => scheduler.sleep(this, milliseconds, signal);
    const { stage, channel, questions } = slackOf(this, world.slack, network);
    const log = pino(
      { level: 'info', base: null, timestamp: false, serializers: { err: (error: unknown) => String(error) } },
      { write: line => scheduler.trace(`${name} logs ${line.trim()}`) },
    );
    this.#db = storeOf(this, world);
    let ids = 0;
    const newId = () => {
      ids += 1;
      return `${name}-${ids}`;
    };
    this.#courier = new Courier({
      outbox: new Outbox(this.#db, name, { sole }),
      channel,
      log,
      now,
      sleep,
      oldestAllowed: 30_000,
      pace: world.auditPace,
    });
    const facts = ({ action, signal, progress }: Execution) =>
      // The simulated commands use these three; the real services have tests of their own.
      ({ action: { id: spoken(action.id) }, signal, progress }) as unknown as ChangeServices;
    this.#context = {
      ledger: new Ledger({ store: this.#db, now, newId, holder: name, recorded: () => this.#courier.nudge() }),
      sole,
      commands: simulatedCommands(this, { network, target: world.target, now }),
      targets,
      defaultTarget: 'portal',
      self: { user: 'UBOT', team: homeTeam },
      gate: new Gate(new Directory(questions, now), homeTeam),
      stage,
      audit: this.#courier,
      services: { read: facts, routine: facts, change: facts },
      log,
      now,
      sleep,
      newReference: newId,
      approvalMilliseconds,
      maxWaiting: 20,
      turns: new Turns({ now, sleep, earnEvery: 0 }),
      jobs: new Jobs(),
      retries: new Retries(),
    };
    this.actions = new Actions(this.#context);
  }

  start(): void {
    this.#courier.start();
    this.#context.jobs.heard(this.#context.now());
    void this.#every(heartbeatEvery, () => this.actions.stayAlive());
    void this.#every(sweepEvery, () => this.#sweep());
    void this.actions
      .recover()
      .catch(error => this.#context.log.error({ err: error as unknown }, 'the recovery failed'));
  }

  /** Whether Slack still hands envelopes to it. */
  get receives(): boolean {
    return this.alive && this.#receives;
  }

  /** An envelope of Slack's, on its way through the machinery. */
  handle(work: (actions: Actions) => Promise<void>): Promise<void> {
    const handled = work(this.actions).finally(() => this.#underWay.delete(handled));
    this.#underWay.add(handled);
    return handled;
  }

  /** As at SIGTERM (src/bot.ts); may be killed on the way. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { jobs, sleep, now } = this.#context;
    const world = this.#world;
    world.scheduler.trace(`${this.name} is told to stop`);
    const patience = sleep(shutdownPatience);
    const began = now();
    if (!world.sole) {
      this.#receives = false;
      await Promise.race([Promise.allSettled(this.#underWay), patience]);
    }
    await jobs.close(patience, () => sleep(lastWords));
    if (jobs.running > 0 && now() - began < shutdownPatience) {
      world.slips.push(`${this.name} was told to stop and did not wait for what it ran`);
    }
    await this.#quietly(() => this.#courier.drain(lastPosts));
    this.#closing.abort();
    this.#receives = false;
    await this.#quietly(() => this.#courier.stop());
    world.ended(this);
  }

  /** One process at a time tells what others could not, as in src/bot.ts. */
  async #sweep(): Promise<void> {
    const { now } = this.#context;
    let lease: Lease | undefined;
    await this.actions.sweep(async () => {
      const { sole } = this.#world;
      lease = await takeLease(this.#db, { name: 'teller', holder: this.name, now: now(), ttl: tellerLease, sole });
      return lease !== undefined;
    });
    if (lease) await returnLease(this.#db, lease);
  }

  async #every(milliseconds: number, work: () => Promise<void>): Promise<void> {
    const { log, sleep } = this.#context;
    while (!this.#closing.signal.aborted) {
      await work().catch(error => log.error({ err: error as unknown }, 'something that is done at intervals failed'));
      await sleep(milliseconds, this.#closing.signal);
    }
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    await work().catch(error => this.#context.log.error({ err: error as unknown }, 'something could not be released'));
  }
}
