/** The composition root: everything that lives as long as the bot, opened in order and released in reverse. */
import { randomBytes, randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import { secondsToMilliseconds } from 'date-fns/secondsToMilliseconds';
import type { Logger } from 'pino';
import { Directory } from './access/directory.ts';
import { Gate } from './access/gate.ts';
import { Actions } from './actions/actions.ts';
import { type ActionTarget, type Context, Jobs, Retries } from './actions/context.ts';
import { Ledger } from './actions/ledger.ts';
import { Courier } from './audit/courier.ts';
import { Outbox } from './audit/outbox.ts';
import type { Command } from './command.ts';
import type { Config, TargetConfig } from './config.ts';
import { describe } from './grammar.ts';
import { openTarget, type Target } from './postgres/target.ts';
import { makeServices, type TargetTools } from './service-factory.ts';
import { openSlackApp } from './slack/app.ts';
import { SlackAuditChannel } from './slack/audit-channel.ts';
import { openClients } from './slack/clients.ts';
import { identify } from './slack/identity.ts';
import { slackQuestions } from './slack/questions.ts';
import { route } from './slack/routes.ts';
import { SlackStage } from './slack/stage.ts';
import { openSqliteStore } from './store/sqlite.ts';
import { openBackups } from './tools/backup.ts';
import { findInstallations, type Installation } from './tools/binaries.ts';

export interface Bot {
  /** Takes nothing new, gives running jobs their time, stops and records them, and releases everything. */
  stop(): Promise<void>;
}

/** What tests replace. */
export interface BotOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Least time between two audit messages in milliseconds; Slack allows one a second, a test workspace any number. */
  readonly auditPace?: number;
}

/** How often requests that nobody decided are looked for, milliseconds. */
const sweepEvery = 1_000;

/** At shutdown, how long what was stopped may take to say so, milliseconds. */
const lastWords = 5_000;

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
  { now = Date.now, auditPace = 1_000 }: BotOptions = {},
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
    const store = await openSqliteStore(config.storeFile);
    releases.push(() => store.destroy());

    const clients = openClients(config.slack.botToken, config.slack.apiUrl, log);
    const identifying = identify(clients.lookups);
    identifying.catch(() => undefined); // awaited below, when what is opened beside it can be released
    const targets = await openTargets(config.targets, log, now);
    releases.push(() => closeAll(targets));
    const identity = await identifying;

    const channel = new SlackAuditChannel(clients.audit, config.auditChannel);
    const courier = new Courier({
      outbox: new Outbox(store),
      channel,
      log,
      now,
      sleep,
      oldestAllowed: minutesToMilliseconds(config.auditMaxAgeMinutes),
      pace: auditPace,
    });

    const jobs = new Jobs();
    const context: Context = {
      ledger: new Ledger({
        store,
        now,
        newId: randomUUID,
        holder: randomUUID(),
        recorded: () => courier.nudge(),
      }),
      commands,
      targets: new Map(config.targets.map(target => [target.name, actionTarget(target)])),
      defaultTarget: config.defaultTarget,
      gate: new Gate(new Directory(slackQuestions(clients.lookups), now), identity.team),
      stage: new SlackStage({
        client: clients.messages,
        log,
        sleep,
        responseOrigins: new Set([new URL(config.slack.apiUrl ?? 'https://hooks.slack.com').origin]),
      }),
      audit: courier,
      services: makeServices({ targets, help: commands.map(describe), now, context: () => context }),
      log,
      now,
      sleep,
      newReference: () => randomBytes(3).toString('hex'),
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
      sleep,
    });
    route(slack.app, { actions, client: clients.messages, botUser: identity.botUser, log });

    for (const target of targets.values()) await cleanUp(target, log);
    courier.start();
    releases.push(() => courier.stop());
    await slack.start();
    releases.push(() => slack.stop());
    const sweeper = keepSweeping(actions, log);
    releases.push(sweeper.stop);

    log.info(
      {
        milliseconds: Math.round(performance.now() - began),
        transport: config.slack.transport.kind,
        targets: config.targets.map(target => target.name),
        commands: commands.length,
      },
      'ready',
    );
    const recovered = actions.recover().catch(error => log.error({ err: error }, 'the recovery failed'));
    return {
      async stop() {
        await jobs.close(sleep(secondsToMilliseconds(config.shutdownSeconds)), () => sleep(lastWords));
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

function actionTarget(target: TargetConfig): ActionTarget {
  const { name, approvers, operators, approvals, channels, approvalChannel } = target;
  return {
    settings: target,
    access: { name, approvers, operators, approvals, channels, approvalChannel },
    approvalFor: new Set(target.approvalFor),
  };
}

async function openTargets(
  configs: readonly TargetConfig[],
  log: Logger,
  now: () => number,
): Promise<Map<string, TargetTools>> {
  const found = new Map<string | undefined, Installation[]>();
  for (const { pgBin } of configs) {
    if (!found.has(pgBin))
      found.set(pgBin, await findInstallations({ env: { PATH: process.env.PATH, PG_BIN: pgBin } }));
  }
  return new Map(
    configs.map(config => {
      const { name, connection, emergency } = config;
      const target = openTarget({ name, connection, ...(emergency && { emergency }), log });
      const installations = found.get(config.pgBin) ?? [];
      const backups = openBackups({
        target,
        directory: config.backupDir,
        installations,
        cores: availableParallelism(),
        log,
        now: () => new Date(now()),
      });
      return [name, { settings: config, target, installations, backups }];
    }),
  );
}

async function closeAll(targets: ReadonlyMap<string, { readonly target: Target }>): Promise<void> {
  await Promise.all([...targets.values()].map(({ target }) => target.close()));
}

async function cleanUp({ backups, target }: TargetTools, log: Logger): Promise<void> {
  try {
    for (const leftover of await backups.cleanUp()) {
      log.warn({ target: target.name, ...leftover }, 'found what an interrupted backup left behind');
    }
  } catch (error) {
    log.warn({ err: error, target: target.name }, 'what an interrupted backup left behind could not be looked for');
  }
}

function keepSweeping(actions: Actions, log: Logger): { stop: () => Promise<void> } {
  const closing = new AbortController();
  const loop = async () => {
    while (!closing.signal.aborted) {
      await actions.sweep().catch(error => log.error({ err: error }, 'the sweep failed'));
      await sleep(sweepEvery, closing.signal);
    }
  };
  const done = loop();
  return {
    async stop() {
      closing.abort();
      await done;
    },
  };
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal, ref: signal !== undefined }).catch(() => undefined);
}
