/** The composition root: everything that lives as long as the bot, opened in order and released in reverse. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import { secondsToMilliseconds } from 'date-fns/secondsToMilliseconds';
import type { Logger } from 'pino';
import { z } from 'zod';
import { Directory } from './access/directory.ts';
import { Gate } from './access/gate.ts';
import { Actions } from './actions/actions.ts';
import { type ActionTarget, type AuditHealth, type Context, Jobs, Retries } from './actions/context.ts';
import { leaseMilliseconds } from './actions/ledger-rows.ts';
import { MeasuredLedger } from './actions/measured-ledger.ts';
import { Turns } from './actions/turns.ts';
import { Courier } from './audit/courier.ts';
import { auditKey } from './audit/key.ts';
import { Outbox } from './audit/outbox.ts';
import { RecordQueries } from './audit/reader.ts';
import { Retention } from './audit/retention.ts';
import { verifyRecord } from './audit/verify.ts';
import { openCharts } from './charts/charts.ts';
import type { Command } from './command.ts';
import type { Config, TargetConfig } from './config.ts';
import { describe } from './grammar.ts';
import { Metrics } from './health/metrics.ts';
import { openHealthServer } from './health/server.ts';
import { cleanUp, closeTargets, openTargets, sweepLeftovers, sweepRecoveries } from './open-targets.ts';
import { walReader } from './postgres/wal.ts';
import { historyReader } from './sampling/history.ts';
import { Sampler } from './sampling/sampler.ts';
import { scheduleReader } from './schedule/report.ts';
import { routineOf } from './schedule/routines.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { tellOwed } from './schedule/teller.ts';
import { walWatch } from './schedule/wal-watch.ts';
import { Watcher } from './schedule/watcher.ts';
import { makeServices } from './service-factory.ts';
import { openSlackApp } from './slack/app.ts';
import { SlackAuditChannel } from './slack/audit-channel.ts';
import { SlackAuditHistory } from './slack/audit-history.ts';
import { openClients } from './slack/clients.ts';
import { identify } from './slack/identity.ts';
import { slackQuestions } from './slack/questions.ts';
import { route } from './slack/routes.ts';
import { SlackStage } from './slack/stage.ts';
import { ClockWatch } from './store/clock.ts';
import { type Lease, returnLease, takeLease } from './store/leases.ts';
import { openStore, type Store } from './store/store.ts';

export interface Bot {
  /** Resolves when the bot cannot go on and only a fresh start, or a person, can help: stop it then. */
  readonly failed: Promise<Error>;
  /** Takes nothing new, gives running jobs their time, stops and records them, and releases everything. */
  stop(): Promise<void>;
}

/** What tests replace. */
export interface BotOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Least time between two audit messages in milliseconds; Slack allows one a second, a test workspace any number. */
  readonly auditPace?: number;
  /** How long a process that shares the store may be silent before others take it for dead, milliseconds. */
  readonly lease?: number;
  /** How often what killed processes have left is looked for, milliseconds. */
  readonly leftoversEvery?: number;
  /** How often what is due is looked for, milliseconds; once a second unless told. */
  readonly sweepEvery?: number;
  /** Who has to wait for whom; one person's flood slows that person only, unless told. */
  readonly turns?: Context['turns'];
}

/** How often recovered databases whose time is up are looked for, milliseconds. */
const recoveriesEvery = 10_000;

/** At shutdown, how long what was stopped may take to say so, milliseconds. */
const lastWords = 5_000;

/** A process that tells an end for longer than this has died, milliseconds: its calls to Slack have given up by then. */
const tellerLease = 60_000;

/** At shutdown, how long what came last may take to hear that it is not done, milliseconds. */
const lastAnswers = 5_000;

/** In how many audit messages one of the same person is welcome for long: two who flood leave room for the others. */
const personsShare = 4;

/** At shutdown, how long the record may still be carried to the audit channel, milliseconds. */
const lastPosts = 5_000;

/**
 * Starts the bot; when this returns, Slack's envelopes are answered.
 * @throws UserError when Slack refuses the token, or the store is in use.
 */
export async function startBot(
  config: Config,
  commands: readonly Command[],
  log: Logger,
  {
    now = Date.now,
    auditPace = 1_000,
    lease = leaseMilliseconds,
    leftoversEvery = minutesToMilliseconds(1),
    sweepEvery = 1_000,
    turns,
  }: BotOptions = {},
): Promise<Bot> {
  const began = performance.now();
  const releases: (() => Promise<void>)[] = [];
  const release = async () => {
    for (const undo of releases.splice(0).reverse()) {
      await undo().catch(error => log.error({ err: error }, 'something could not be released'));
    }
  };
  try {
    for (const warning of config.warnings) log.warn(warning);
    const store = await openStore(config.store);
    releases.push(() => store.close());
    const clock = new ClockWatch(store, { now, tolerance: lease / 4, log });
    await clock.agree();
    const holder = randomUUID();

    const clients = openClients(config.slack.botToken, config.slack.apiUrl, log);
    const identifying = identify(clients.lookups);
    identifying.catch(() => undefined); // awaited below, when what is opened beside it can be released
    const targets = await openTargets(config.targets, log, now);
    releases.push(() => closeTargets(targets));
    const identity = await identifying;

    const channel = new SlackAuditChannel(clients, config.auditChannel);
    const outbox = new Outbox(store.db, holder, { sole: store.sole, lease });
    const courier = new Courier({
      outbox,
      channel,
      log,
      now,
      sleep,
      oldestAllowed: minutesToMilliseconds(config.auditMaxAgeMinutes),
      pace: auditPace,
    });

    const history = new SlackAuditHistory(clients.bulk, {
      channel: config.auditChannel,
      botUser: identity.botUser,
      sleep,
    });
    // Both keep anything destructive from happening: a record that is behind, and a clock by which others look dead.
    const audit: AuditHealth = {
      settled: (action, milliseconds) => courier.settled(action, milliseconds),
      problem: async () => clock.problem ?? courier.problem(),
    };
    const retention = retentionOf(config, store, log, now, () => courier.nudge());

    const routines = config.targets.flatMap(target => routineOf(target, commands, now) ?? []);
    const jobs = new Jobs();
    const metrics = new Metrics();
    const context: Context = {
      ledger: new MeasuredLedger(
        { store: store.db, now, newId: randomUUID, holder, lease, recorded: () => courier.nudge() },
        ended => metrics.ended(ended),
      ),
      sole: store.sole,
      commands,
      targets: new Map(config.targets.map(target => [target.name, actionTarget(target)])),
      defaultTarget: config.defaultTarget,
      self: { user: identity.botUser, team: identity.team },
      gate: new Gate(new Directory(slackQuestions(clients.lookups), now), identity.team),
      stage: new SlackStage({
        client: clients.messages,
        files: clients.bulk,
        log,
        sleep,
        responseOrigins: new Set([new URL(config.slack.apiUrl ?? 'https://hooks.slack.com').origin]),
      }),
      audit,
      services: makeServices({
        targets,
        help: commands.map(describe),
        history: target => historyReader({ db: store.db, target, now }),
        schedule: target =>
          scheduleReader({
            db: store.db,
            ledger: context.ledger,
            target,
            routine: routines.find(routine => routine.target === target),
            now,
          }),
        charts: openCharts(),
        record: {
          queries: new RecordQueries(store.db),
          verify: ({ since, ...options }) =>
            verifyRecord(store.db, {
              ...options,
              key: keyOf(config, false),
              self: identity.botUser,
              channel: { history, since },
              now,
            }),
        },
        now,
        context: () => context,
      }),
      log,
      now,
      sleep,
      newReference: () => randomBytes(3).toString('hex'),
      maxWaiting: config.maxWaiting,
      turns: turns ?? new Turns({ now, sleep, earnEvery: personsShare * auditPace }),
      approvalMilliseconds: minutesToMilliseconds(config.approvalMinutes),
      jobs,
      retries: new Retries(),
    };
    const actions = new Actions(context);

    const slack = openSlackApp({
      botToken: config.slack.botToken,
      connection: config.slack.transport,
      apiUrl: config.slack.apiUrl,
      log,
      now,
      sleep,
      acknowledged: milliseconds => metrics.acknowledged(milliseconds),
    });
    route(slack.app, { actions, client: clients.messages, botUser: identity.botUser, log });

    if (config.health) {
      metrics.watch({
        waitingRequests: async () => (await context.ledger.waiting()).length,
        auditBacklogSeconds: async () => {
          const oldest = await outbox.oldest();
          return oldest === undefined ? 0 : (now() - oldest) / 1_000;
        },
        runningJobs: () => jobs.running,
        slackConnected: slack.connected,
        targets: new Map([...targets].map(([name, { target }]) => [name, () => target.ask(stillThere)])),
      });
      const needs = {
        slackConnected: slack.connected,
        store: () => outbox.oldest(),
        audit: () => courier.problem(),
        draining: () => jobs.closed,
      };
      releases.push(await openHealthServer({ ...config.health, needs, metrics, log }));
    }

    for (const target of targets.values()) await cleanUp(target, log);
    courier.start();
    releases.push(() => courier.stop());
    await slack.start();
    releases.push(async () => {
      await slack.stop();
      // What came in the last moment is told that it is not done.
      await Promise.race([slack.handled(), sleep(lastAnswers)]);
    });
    jobs.heard(now());
    releases.push(every(lease / 10, () => actions.stayAlive(), log));
    releases.push(every(sweepEvery, () => clock.whileRight(asOf => sweep(actions, store, holder, asOf)), log));
    releases.push(every(recoveriesEvery, () => sweepRecoveries(targets, log), log));
    const notices = { db: store.db, now, newId: randomUUID, recorded: () => courier.nudge(), self: context.self };
    releases.push(every(leftoversEvery, () => sweepLeftovers(targets, log, notices), log));
    const askers = new Map([...targets].map(([name, { target }]) => [name, target]));
    const sampler = new Sampler({ store, holder, targets: askers, log, now });
    releases.push(every(sweepEvery, () => sampler.run(), log));
    releases.push(() => sampler.stop());
    const scheduler = new Scheduler({
      store,
      holder,
      routines,
      ledger: context.ledger,
      begin: duty => actions.beginByItself(duty),
      log,
    });
    releases.push(every(sweepEvery, () => clock.whileRight(asOf => scheduler.run(asOf)), log));
    const watcher = new Watcher({
      ...notices,
      store,
      holder,
      watches: [...targets].map(([name, { target, settings }]) =>
        walWatch(name, walReader(target, settings.thresholds), settings.thresholds),
      ),
      log,
    });
    releases.push(every(sweepEvery, () => watcher.run(), log));
    const teller = { ...context, db: store.db, self: identity.botUser };
    releases.push(every(sweepEvery, () => tellOwed(teller), log));
    if (retention) releases.push(every(sweepEvery, () => clock.whileRight(asOf => retention.run(asOf)), log));

    log.info(
      {
        milliseconds: Math.round(performance.now() - began),
        transport: config.slack.transport.kind,
        holder,
        targets: config.targets.map(target => target.name),
        commands: commands.length,
      },
      'ready',
    );
    const recovered = actions.recover().catch(error => log.error({ err: error }, 'the recovery failed'));
    return {
      failed: slack.refused,
      async stop() {
        const patience = sleep(secondsToMilliseconds(config.shutdownSeconds));
        if (!store.sole) {
          // Other processes take what comes from here on; what has come is carried out, not refused.
          await slack.stop();
          await Promise.race([slack.handled(), patience]);
        }
        await jobs.close(patience, () => sleep(lastWords));
        await recovered;
        await courier.drain(lastPosts);
        await release();
        log.info('stopped');
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** What forgets the oldest part of the record; `undefined` when it is kept for ever. */
function retentionOf(
  config: Config,
  { db }: Store,
  log: Logger,
  now: () => number,
  recorded: () => void,
): Retention | undefined {
  const { auditRetentionDays: days } = config;
  const key = days === undefined ? undefined : keyOf(config, true);
  if (days === undefined || key === undefined) return undefined;
  return new Retention({ store: db, days, key, now, newId: randomUUID, recorded, log });
}

function keyOf({ auditKey: variable, store }: Config, create: boolean): Buffer | undefined {
  return auditKey(variable, store, { create });
}

function actionTarget(target: TargetConfig): ActionTarget {
  const { name, approvers, viewers, operators, approvals, channels, approvalChannel } = target;
  const { approversFromOtherGroups, breakGlass } = target;
  return {
    settings: target,
    access: {
      name,
      approvers,
      viewers,
      operators,
      approvals,
      approversFromOtherGroups,
      breakGlass,
      channels,
      approvalChannel,
    },
    approvalFor: new Set(target.approvalFor),
  };
}

/** One process at a time tells what others could not, or each would tell every requester of the same end. */
async function sweep(actions: Actions, { sole, db }: Store, holder: string, asOf: number): Promise<void> {
  let lease: Lease | undefined;
  const mayRetell = async () => {
    lease = await takeLease(db, { name: 'teller', holder, now: asOf, ttl: tellerLease, sole });
    return lease !== undefined;
  };
  await actions.sweep(mayRetell, asOf);
  if (lease) await returnLease(db, lease);
}

/** Asks a target nothing but to answer. */
const stillThere = { name: 'still_there', sql: 'SELECT 1 AS one', row: z.object({ one: z.int() }) };

/** Does something at intervals, one after the other; gives back what ends it. */
function every(milliseconds: number, work: () => Promise<void>, log: Logger): () => Promise<void> {
  const closing = new AbortController();
  const loop = async () => {
    while (!closing.signal.aborted) {
      await work().catch(error => log.error({ err: error }, 'something that is done at intervals failed'));
      await sleep(milliseconds, closing.signal);
    }
  };
  const done = loop();
  return async () => {
    closing.abort();
    await done;
  };
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal, ref: signal !== undefined }).catch(() => undefined);
}
