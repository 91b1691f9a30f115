import pg from 'pg';
import { connectionsView } from '../../blocks/connections.ts';
import { locksView } from '../../blocks/locks.ts';
import { queriesView } from '../../blocks/queries.ts';
import type { View } from '../../blocks/view.ts';
import { bloatReader } from '../../src/postgres/bloat.ts';
import { connectionsReader, judgeConnections } from '../../src/postgres/connections.ts';
import { indexesReader } from '../../src/postgres/indexes.ts';
import { judgeLocks, locksReader } from '../../src/postgres/locks.ts';
import { poolReader } from '../../src/postgres/pool.ts';
import { judgeQueries, queriesReader } from '../../src/postgres/queries.ts';
import { replicationReader } from '../../src/postgres/replication.ts';
import { settingsReader } from '../../src/postgres/settings.ts';
import { sizeReader } from '../../src/postgres/size.ts';
import { statementsReader } from '../../src/postgres/statements.ts';
import { statusReader } from '../../src/postgres/status.ts';
import type { Target } from '../../src/postgres/target.ts';
import { vacuumReader } from '../../src/postgres/vacuum.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { diskReader } from '../../src/tools/disk.ts';
import { crowded } from '../postgres/simulated-connections.ts';
import { chainOf } from '../postgres/simulated-locks.ts';
import { manyLong } from '../postgres/simulated-queries.ts';
import { warmTarget } from '../postgres/targets.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';
import { makeChain } from './crowd.ts';
import { compare, type Finding, limit } from './findings.ts';
import { openBotOffice } from './office.ts';
import { type Others, others } from './others.ts';
import { sideBySide, timed, type Way } from './side-by-side.ts';
import { median } from './statistics.ts';
import type { Surroundings } from './surroundings.ts';
import type { Topic } from './topic.ts';

/** What a page may take, milliseconds: Slack's own patience, and about that of a person. */
const goal = 3_000;

/** Connections of the server that the chain leaves to the bot, its bench and those that are reserved. */
const left = 17;

/** Rows where no server of this machine could have them. */
const simulated = { sessions: 10_000, chain: 1_000 };

const thresholds = thresholdsSchema.parse({});
const settings = { thresholds, allowOtherDatabases: false, redactQueries: true, instances: 3 };

/** Each page's question, parsed and judged, by the command's name. */
function readersOf(target: Target): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    status: () => statusReader(target, thresholds).read({ lastBackup: undefined, now: new Date() }),
    connections: () => connectionsReader(target, settings).read(),
    queries: () => queriesReader(target, settings).longerThan(300),
    locks: () => locksReader(target, settings).read(),
    slow: () => statementsReader(target, settings).read('total'),
    size: () => sizeReader({ target, thresholds, earlier: async () => undefined, now: Date.now }).read(undefined),
    indexes: () => indexesReader(target, [], thresholds).read(),
    bloat: () => bloatReader(target, thresholds).read(undefined),
    pool: () => poolReader(target, settings).read(),
    replication: () => replicationReader(target, thresholds).read(),
    disk: () => diskReader(target, settings).read(),
    'vacuum-status': () => vacuumReader(target, settings).read(),
    settings: () => settingsReader(target).read(undefined),
  };
}

/**
 * How soon each page is there when there is very much to look at. On a database of very many tables: its question beside
 * what the runbook and PgHero ask for the same, over a connection of the same role; then the whole answer of the real bot.
 * On a long chain of sessions that wait for each other: the pages about sessions. Of rows that were made up: what the bot
 * makes of them.
 */
export const pages: Topic = async (surroundings, { runs, tables }) => {
  await countStatements(surroundings);
  const url = await surroundings.manyTablesUrl(tables);
  const crowd = `${tables.toLocaleString('en')} tables`;
  return [
    ...(await questions(url, { runs, among: crowd, names: Object.keys(others) })),
    ...(await answers(surroundings, { url, runs, among: crowd })),
    ...(await chained(surroundings, runs)),
    ...madeUp(runs),
  ];
};

/** For `/db slow`, and what is asked beside it; nothing else is connected between two topics. */
async function countStatements({ cluster }: Surroundings): Promise<void> {
  const [extension] = await cluster.admin.sql("select from pg_available_extensions where name = 'pg_stat_statements'");
  if (extension) await cluster.restart({ shared_preload_libraries: 'pg_stat_statements' });
}

interface Looks {
  readonly runs: number;
  /** What there is much of. */
  readonly among: string;
  readonly names: readonly string[];
}

async function questions(url: string, { runs, among, names }: Looks): Promise<Finding[]> {
  await using opened = new AsyncDisposableStack();
  const { target } = await warmTarget(url);
  opened.defer(() => target.close());
  const client = new pg.Client({ connectionString: url, options: '-c jit=off' });
  await client.connect();
  opened.defer(() => client.end());
  const readers = readersOf(target);
  const findings: Finding[] = [];
  for (const name of names) {
    const what = `/db ${name}, ${among}: the question`;
    const elsewhere: Record<string, Way> = {};
    const failures: string[] = [];
    for (const [who, statements] of Object.entries(others[name]!)) {
      if (statements.length === 0) continue;
      const ask = async () => {
        for (const statement of statements) await client.query(statement);
      };
      const failure = await ask().catch(error => error);
      if (failure instanceof Error) failures.push(`${titles[who as keyof Others]}: fails, ${failure.message}`);
      else elsewhere[who] = () => timed(ask);
    }
    const took = await sideBySide({ ...elsewhere, bot: () => timed(readers[name]!) }, { runs, warmUp: 1 });
    const { bot, ...theirs } = took as Record<string, number[]> & { bot: number[] };
    findings.push(limit({ what, unit: 'ms', values: bot, score: median, atMost: goal, remark: failures.join('; ') }));
    for (const [who, values] of Object.entries(theirs)) {
      findings.push(compare({ what, unit: 'ms', ours: bot, beside: { what: titles[who as keyof Others], values } }));
    }
  }
  return findings;
}

const titles: Readonly<Record<keyof Others, string>> = { runbook: "runbook's SQL", pghero: "PgHero's questions" };

/** From typing to the answer in the channel, all of it within Slack's limits. */
async function answers(
  surroundings: Surroundings,
  { url, runs, among }: { url: string; runs: number; among: string },
): Promise<Finding[]> {
  const place = { url, bin: surroundings.cluster.bin, folder: await surroundings.newFolder() };
  await using office = await openBotOffice(place);
  const findings: Finding[] = [];
  for (const name of Object.keys(others)) {
    const took: number[] = [];
    for (let run = 0; run <= runs; run += 1) {
      const before = office.pages();
      const milliseconds = await timed(async () => {
        await office.ada.types(`/db ${name}`);
        await office.slack.until(() => office.pages() > before, `the answer to /db ${name}`, 60_000);
      });
      if (run > 0) took.push(milliseconds);
    }
    const what = `/db ${name}, ${among}: from typing to the answer, within Slack's limits`;
    findings.push(limit({ what, unit: 'ms', values: took, score: median, atMost: goal }));
  }
  const [broken] = office.slack.violations;
  if (broken) throw new Error(`Slack would have refused an answer: ${JSON.stringify(broken)}`);
  return findings;
}

/** As many sessions as the server takes, each of which waits for the one before. */
async function chained(surroundings: Surroundings, runs: number): Promise<Finding[]> {
  const { cluster, owner } = surroundings;
  const url = await surroundings.portalUrl();
  const [{ most }] = await cluster.admin.sql("select current_setting('max_connections')::int as most");
  const length = most - left;
  await using _chain = await makeChain(cluster, cluster.url('portal', owner), length);
  const names = ['status', 'connections', 'queries', 'locks'];
  return questions(url, { runs, among: `a chain of ${length}`, names });
}

/** What is done with rows once they are there, and whether Slack would take it. */
function madeUp(runs: number): Finding[] {
  const facts = { target: 'portal', actionId: 'A-1042' };
  const options = { ...settings, ownPids: new Set<number>(), longerThan: 300 };
  const [connections, sessions, chain] = [crowded(), manyLong(), chainOf(simulated.chain)];
  const views: Record<string, () => View> = {
    [`/db connections, ${simulated.sessions} made-up rows`]: () =>
      connectionsView({ ...judgeConnections(connections, thresholds), ...facts }),
    [`/db queries, ${simulated.sessions} made-up rows`]: () =>
      queriesView({ ...judgeQueries(sessions, options), ...facts }),
    [`/db locks, a made-up chain of ${simulated.chain}`]: () => locksView({ ...judgeLocks(chain, options), ...facts }),
  };
  return Object.entries(views).map(([what, make]) => {
    const values = Array.from({ length: runs }, () => {
      const began = performance.now();
      const view = make();
      const took = performance.now() - began;
      const refusal = refusalOfMessage({ ...view, blocks: [...view.blocks] });
      if (refusal) throw new Error(`Slack would have refused ${what}: ${JSON.stringify(refusal)}`);
      return took;
    });
    return limit({ what: `${what}: judged and put into blocks`, unit: 'ms', values, score: median, atMost: goal });
  });
}
