import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { statusReader } from '../../src/postgres/status.ts';
import { statusSql } from '../../src/postgres/status-sql.ts';
import { openTarget } from '../../src/postgres/target.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { until } from '../cluster/until.ts';
import { compare } from './findings.ts';
import { openBotOffice } from './office.ts';
import { openPsql, runPsql } from './psql.ts';
import { sideBySide, timed } from './side-by-side.ts';
import type { Topic } from './topic.ts';

const perRun = 40;

/** Every default: a pair of numbers for each threshold. */
const thresholds = thresholdsSchema.parse(
  Object.fromEntries(Object.keys(thresholdsSchema.shape).map(name => [name, undefined])),
);

/**
 * How soon a person knows how the database is. Twice: the bot's question alone (statement, parsing, verdict; over its
 * open connection) beside the same statement in an open psql, and the whole command (envelope, who may ask, record,
 * question, message in the channel) beside psql started for that statement.
 */
export const status: Topic = async (surroundings, { runs }) => {
  await using opened = new AsyncDisposableStack();
  const { bin } = surroundings.cluster;
  const url = await surroundings.portalUrl();

  const target = openTarget({ name: 'portal', connection: parseConnectionUrl(url), log: silent });
  opened.defer(() => target.close());
  await until('the warm connection is open', () => target.ownPids().size > 0);
  const reader = statusReader(target, thresholds);
  const psql = opened.use(openPsql(bin, url));
  const question = await sideBySide(
    {
      bot: () => timed(() => reader.read({ lastBackup: undefined, now: new Date() })),
      psql: () => psql.time(statusSql({ monitor: true })),
    },
    { runs: runs * perRun, warmUp: perRun },
  );

  const office = opened.use(await openBotOffice({ url, bin, folder: await surroundings.newFolder() }));
  const whole = await sideBySide(
    {
      bot: () =>
        timed(async () => {
          const before = office.answers();
          await office.ada.types('/db status');
          await office.answered(before + 1);
        }),
      psql: () => timed(() => runPsql(bin, url, statusSql({ monitor: true }))),
    },
    { runs: runs * perRun, warmUp: perRun },
  );

  return [
    compare({
      what: "/db status: the bot's question, parsed and judged",
      unit: 'ms',
      ours: question.bot,
      beside: { what: 'the statement in an open psql', values: question.psql },
      atMost: 1.5,
    }),
    compare({
      what: '/db status: from typing to the answer in the channel',
      unit: 'ms',
      ours: whole.bot,
      beside: { what: 'psql started for the statement', values: whole.psql },
    }),
  ];
};

const silent = { info: () => {}, warn: () => {} };
