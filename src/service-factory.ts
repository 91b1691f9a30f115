import { type Context, type Execution, type ServiceFactory, spoken, unspoken } from './actions/context.ts';
import { withdrawKnown } from './actions/decide.ts';
import type { Action } from './actions/ledger-types.ts';
import type { RecordQueries } from './audit/reader.ts';
import { type RecordReaderOptions, recordReader } from './audit/service.ts';
import type { Backups } from './backups/backups.ts';
import type { Catalogue } from './backups/catalogue.ts';
import type { Verifications } from './backups/verification.ts';
import type { Charts } from './charts/chart.ts';
import { UserError } from './errors.ts';
import { physicalWriter } from './physical/physical-backup.ts';
import { beforeAction, parsePointInTime } from './physical/point-in-time.ts';
import type { Recoveries } from './physical/recoveries.ts';
import { physicalReader } from './physical/sets.ts';
import { backendReader, backendSignaller } from './postgres/backends.ts';
import { bloatReader } from './postgres/bloat.ts';
import { connectionsReader } from './postgres/connections.ts';
import { indexesReader, type Replica } from './postgres/indexes.ts';
import { integrityReader } from './postgres/integrity.ts';
import { locksReader } from './postgres/locks.ts';
import { poolReader } from './postgres/pool.ts';
import { preparedEnder, preparedReader } from './postgres/prepared.ts';
import { queriesReader } from './postgres/queries.ts';
import { replicationReader } from './postgres/replication.ts';
import { settingsReader } from './postgres/settings.ts';
import { sizeReader } from './postgres/size.ts';
import { statementsReader } from './postgres/statements.ts';
import { statusReader } from './postgres/status.ts';
import type { Target } from './postgres/target.ts';
import { vacuumReader } from './postgres/vacuum.ts';
import { walReader } from './postgres/wal.ts';
import type { Restores, RestoreWatch } from './restore/restores.ts';
import type { HistoryReader } from './sampling/history.ts';
import type { ScheduleReader } from './schedule/report.ts';
import type { ChangeServices, CommandHelp, ReadServices, RoutineServices, WaitingRequest } from './services.ts';
import type { TargetSettings } from './target-settings.ts';
import { heapChecker } from './tools/amcheck.ts';
import type { Installation } from './tools/binaries.ts';
import { diskReader } from './tools/disk.ts';
import type { Pgbackrest } from './tools/pgbackrest.ts';

/** What a target's services are made from. */
export interface TargetTools {
  readonly settings: TargetSettings;
  readonly target: Target;
  /** Asked which indexes are used there. */
  readonly replicas: readonly Replica[];
  readonly installations: readonly Installation[];
  readonly backups: Backups;
  readonly restores: Restores;
  readonly catalogue: Catalogue;
  readonly verifications: Verifications;
  /** Undefined where none is configured. */
  readonly pgbackrest: Pgbackrest | undefined;
  readonly recoveries: Recoveries;
}

export interface ServiceOptions {
  readonly targets: ReadonlyMap<string, TargetTools>;
  readonly help: readonly CommandHelp[];
  readonly history: (target: string) => HistoryReader;
  readonly schedule: (target: string) => ScheduleReader;
  readonly charts: Charts;
  readonly record: { readonly queries: RecordQueries; readonly verify: RecordReaderOptions['verify'] };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The life of actions, which itself hands out these services. */
  readonly context: () => Context;
}

/** Makes what reaches a command: for each risk an object that holds no more than its type says. */
export function makeServices({
  targets,
  help,
  history,
  schedule,
  charts,
  record,
  now,
  context,
}: ServiceOptions): ServiceFactory {
  const monotonic = () => performance.now();

  function read({ action, signal, progress }: Execution): ReadServices {
    const {
      settings,
      target,
      replicas,
      installations,
      backups,
      catalogue,
      verifications,
      pgbackrest,
      recoveries,
      restores,
    } = toolsOf(targets, action.target);
    const past = history(settings.name);
    return {
      action: {
        id: spoken(action.id),
        requester: action.requester,
        reason: action.reason ?? undefined,
        typed: action.typed,
      },
      target: settings,
      status: statusReader(target, settings.thresholds, settings),
      backends: backendReader({ asker: target, ownPids: () => target.ownPids(), settings }),
      integrity: integrityReader({ target, now: monotonic }),
      connections: connectionsReader(target, settings),
      queries: queriesReader(target, settings),
      locks: locksReader(target, settings),
      prepared: preparedReader(target),
      vacuum: vacuumReader(target, settings),
      indexes: indexesReader(target, replicas, settings.thresholds),
      bloat: bloatReader(target, settings.thresholds),
      size: sizeReader({ target, thresholds: settings.thresholds, earlier: () => past.sizes(), now }),
      history: past,
      charts,
      replication: replicationReader(target, settings.thresholds),
      wal: walReader(target, settings.thresholds),
      physical: physicalReader(pgbackrest, signal),
      moments: { parse: text => parsePointInTime(text, new Date(now())), before: beforeAction },
      recoveries: {
        standing: () => recoveries.standing(),
        examine: (...question) => recoveries.examine(...question),
        recoveredDatabase: id => recoveries.recoveredDatabase(id),
      },
      settings: settingsReader(target),
      pool: poolReader(target, settings),
      statements: statementsReader(target, settings),
      disk: diskReader(target, settings),
      heap: heapChecker({ target, installations, now: monotonic }),
      backups: {
        latest: () => backups.latest(),
        list: () => backups.list(),
        estimate: contents => backups.estimate(contents),
      },
      catalogue: { read: () => catalogue.read() },
      verifications: { estimate: (backup, level) => verifications.estimate(backup, level) },
      schedule: schedule(settings.name),
      restores: {
        plan: question => restores.plan(question),
        planUndo: undone => restores.planUndo(undone),
        planCleanup: which => restores.planCleanup(which),
        kept: () => restores.kept(),
      },
      requests: { waiting: () => waitingRequests(context(), action) },
      record: recordReader({ ...record, asking: action.id, hidden: () => hiddenTargets(context(), action) }),
      help,
      now: () => new Date(now()),
      signal,
      progress,
    };
  }

  function routine(execution: Execution): RoutineServices {
    const reading = read(execution);
    const { backups, catalogue, verifications, recoveries, pgbackrest, restores } = toolsOf(
      targets,
      execution.action.target,
    );
    return {
      ...reading,
      verifications: {
        ...reading.verifications,
        verify: (request, options) => verifications.verify(request, options),
      },
      backups: {
        ...reading.backups,
        take: (request, options) => backups.take(request, options),
        copy: (typed, options) => backups.copy(typed, options),
      },
      catalogue: {
        ...reading.catalogue,
        pin: request => catalogue.pin(request),
        unpin: backup => catalogue.unpin(backup),
      },
      physical: { ...reading.physical, ...physicalWriter(pgbackrest, execution.signal) },
      recoveries: {
        ...reading.recoveries,
        recover: (request, options) => recoveries.recover(request, options),
        backUp: (...work) => recoveries.backUp(...work),
        end: id => recoveries.end(id),
      },
      restores: {
        ...reading.restores,
        copy: (question, show) => restores.copy(question, watchOf(execution, show)),
      },
      requests: { ...reading.requests, withdraw: id => withdrawRequest(context(), execution.action, id) },
    };
  }

  function change(execution: Execution): ChangeServices {
    const working = routine(execution);
    const { settings, target, catalogue, restores } = toolsOf(targets, execution.action.target);
    const clock = { now: monotonic, sleep: (milliseconds: number) => context().sleep(milliseconds) };
    const signaller = backendSignaller({
      asker: target,
      ownPids: () => target.ownPids(),
      settings,
      clock,
      mayAct: execution.mayAct,
    });
    return {
      ...working,
      catalogue: { ...working.catalogue, prune: only => catalogue.prune(only, execution.mayAct) },
      restores: {
        ...working.restores,
        run: (plan, show) => restores.run(plan, watchOf(execution, show)),
        runTables: (plan, show) => restores.runTables(plan, watchOf(execution, show)),
        undo: (plan, show) => restores.undo(plan, watchOf(execution, show)),
        cleanUp: plan => restores.cleanUp(plan, execution),
      },
      prepared: { ...working.prepared, ...preparedEnder(target, execution.mayAct) },
      backends: { ...working.backends, signal: (condition, statement) => signaller.signal(condition, statement) },
    };
  }

  return { read, routine, change };
}

function watchOf({ action, signal, mayAct }: Execution, progress: RestoreWatch['progress']): RestoreWatch {
  return { action: { id: spoken(action.id), requester: action.requester }, signal, mayAct, progress };
}

function toolsOf(targets: ReadonlyMap<string, TargetTools>, name: string): TargetTools {
  const tools = targets.get(name);
  if (!tools) throw new UserError(`${name} is no longer configured.`);
  return tools;
}

/** Requests on the targets that the person who asks may read, from where that person asks. */
async function waitingRequests(context: Context, asked: Action): Promise<WaitingRequest[]> {
  const hidden = await hiddenTargets(context, asked);
  const waiting = (await context.ledger.waiting()).filter(
    action => context.targets.has(action.target) && !hidden.includes(action.target),
  );
  return Promise.all(waiting.map(action => requestOf(context, action)));
}

/** Targets that the person who asks may not read from there. */
async function hiddenTargets({ targets, gate }: Context, asked: Action): Promise<string[]> {
  const from = { user: asked.requester, team: asked.team, channel: asked.channel };
  const hidden: string[] = [];
  for (const [name, { access }] of targets) {
    if (!(await gate.mayAsk(from, access, { risk: 'read', needsApproval: false })).allowed) hidden.push(name);
  }
  return hidden;
}

async function requestOf({ ledger }: Pick<Context, 'ledger'>, action: Action): Promise<WaitingRequest> {
  return {
    id: spoken(action.id),
    command: action.command,
    target: action.target,
    summary: action.summary ?? action.command,
    requester: action.requester,
    reason: action.reason ?? undefined,
    askedAt: new Date(action.asked_at),
    expiresAt: new Date(action.expires_at ?? action.asked_at),
    approvals: (await ledger.approversOf(action.id)).length,
    approvalsNeeded: action.approvals_needed,
    channel: action.message_channel ?? undefined,
  };
}

async function withdrawRequest(context: Context, asked: Action, id: string): Promise<WaitingRequest> {
  const number = unspoken(id);
  const action = number === undefined ? undefined : await context.ledger.find(number);
  if (!action || action.plan === null) {
    throw new UserError(`There is no request ${id}.`, { hint: '`/db requests` shows what waits.' });
  }
  const request = await requestOf(context, action);
  await withdrawKnown(context, action, {
    spokenId: id,
    from: { user: asked.requester, team: asked.team, channel: asked.channel, name: asked.requester_name },
    place: { channel: asked.channel },
    ...(asked.reason !== null && { reason: asked.reason }),
  });
  return request;
}
