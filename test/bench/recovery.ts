import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import pg from 'pg';
import { findBackups } from '../../src/backups/backup-catalogue.ts';
import { parseConnectionUrl, toEnvironment } from '../../src/postgres/connection-url.ts';
import { startWriters } from '../restore/writers.ts';
import { compare, type Finding, limit } from './findings.ts';
import { type Office, openBotOffice } from './office.ts';
import { sideBySide, timed } from './side-by-side.ts';
import type { Surroundings } from './surroundings.ts';
import type { Topic } from './topic.ts';

/** How a message begins that is still edited. */
const unfinished = /^(Working on|Backing up|Checking the backup|Verifying|Restoring) /;

/** The slowest command that is waited for, milliseconds. */
const patience = 1_800_000;

/** Milliseconds between two looks at the bot's memory. */
const every = 250;

/**
 * What the bot makes of a backup's way back: taken and verified, restored into a new database, and put in the place of
 * the old one under sixteen writers. Beside it the runbook's lines: `pg_dump | gzip`, and `gunzip | psql` into a new
 * database, which compare nothing.
 */
export const recovery: Topic = async (surroundings, { runs, megabytes }) => {
  const { cluster } = surroundings;
  const url = await surroundings.bulkUrl(megabytes);
  await allowRestores(surroundings);
  const folder = await surroundings.newFolder();
  await using office = await openBotOffice({ url, bin: cluster.bin, folder });
  const line = shell(surroundings, url, path.join(folder, 'backup.sql.gz'));
  await says(office, '/db backup', /Backup complete/);

  const memory = watchMemory(office);
  const used = { bot: 0, wall: 0 };
  const loading: number[] = [];
  const dumpAndLoad: { dump: number[]; load: number[] } = { dump: [], load: [] };
  const seconds = await sideBySide(
    {
      bot: async () => {
        await keepNone(path.join(folder, 'backups'));
        const before = await processorSeconds(office.app.pid);
        const took = await timed(async () => {
          await says(office, '/db backup', /Backup complete/);
          await says(office, '/db verify latest', /Verified/);
        });
        used.bot += (await processorSeconds(office.app.pid)) - before;
        used.wall += took / 1_000;
        return took / 1_000;
      },
      copy: async () => {
        const took = await timed(async () => {
          const answer = await says(office, '/db restore latest --as bench_copy', /is the backup of/);
          loading.push(secondsOf(answer));
        });
        await cluster.dropDatabase('bench_copy');
        return took / 1_000;
      },
      runbook: async () => {
        const dump = await timed(() => line(`pg_dump $DATABASE_URL | gzip > "$FILE"`));
        await cluster.createDatabase('bench_by_hand');
        const load = await timed(() => line(`gunzip -c "$FILE" | psql -q -d bench_by_hand`));
        await cluster.dropDatabase('bench_by_hand');
        dumpAndLoad.dump.push(dump / 1_000);
        dumpAndLoad.load.push(load / 1_000);
        return (dump + load) / 1_000;
      },
    },
    { runs, warmUp: 0 },
  );
  const highest = await memory.stop();
  const replaced = await replace(office, surroundings, url);

  const what = `of ${megabytes} MB`;
  return [
    compare({
      what: `/db backup and /db verify ${what}`,
      unit: 's',
      ours: seconds.bot,
      beside: { what: 'pg_dump | gzip, gunzip | psql', values: seconds.runbook },
      atMost: 0.55,
    }),
    compare({
      what: `/db restore --as ${what}`,
      unit: 's',
      ours: seconds.copy,
      beside: { what: 'gunzip | psql', values: dumpAndLoad.load },
      atMost: 0.75,
    }),
    compare({
      what: 'the loading of it, without checksums, counting and ANALYZE',
      unit: 's',
      ours: loading,
      beside: { what: 'gunzip | psql', values: dumpAndLoad.load },
    }),
    compare({
      what: `/db restore ${what}, with its safety backup`,
      unit: 's',
      ours: [replaced.seconds],
      beside: { what: 'pg_dump | gzip, gunzip | psql', values: seconds.runbook },
    }),
    limit({
      what: 'worst gap of 16 writers in a swap',
      unit: 'ms',
      values: [replaced.gap],
      score: ([gap]) => gap ?? Number.NaN,
      atMost: 150,
    }),
    limit({
      what: 'memory of the bot meanwhile, highest',
      unit: 'MB',
      values: [highest],
      score: ([value]) => value ?? Number.NaN,
      atMost: 200,
    }),
    ...share(used),
  ];
};

/** Of the time that backup and verification took, how much the bot's own process computed; its tools are not in it. */
function share({ bot, wall }: { bot: number; wall: number }): Finding[] {
  return [
    compare({ what: 'the bot’s own processor time', unit: 's', ours: [bot], beside: { what: 'of', values: [wall] } }),
  ];
}

/** What a role that restores needs beside the least privileges. */
async function allowRestores({ cluster, bot, owner }: Surroundings): Promise<void> {
  await cluster.admin.sql(`alter role ${pg.escapeIdentifier(bot.user)} createdb`);
  await cluster.admin.sql(`grant ${pg.escapeIdentifier(owner.user)} to ${pg.escapeIdentifier(bot.user)}`);
}

function shell({ cluster }: Surroundings, url: string, file: string) {
  const login = parseConnectionUrl(cluster.url(parseConnectionUrl(url).database));
  const env = {
    PATH: `${cluster.bin}${path.delimiter}${process.env.PATH}`,
    DATABASE_URL: url,
    FILE: file,
    ...toEnvironment(login),
  };
  return (text: string) => execa('sh', ['-c', text], { env, extendEnv: false });
}

/** Types a line and waits for its end. @returns the answer. @throws Error with the answer when it is another one. */
async function says(office: Office, line: string, expected: RegExp): Promise<string> {
  const { ada, slack } = office;
  const before = office.answers();
  await ada.types(line);
  await office.answered(before + 1);
  const answer = await ends(office, line, expected);
  slack.violations.length = 0;
  return answer;
}

/** From words such as `restored in 850 ms`, `6.4 s`, `1 min 5 s`. @throws Error when the answer has no such words. */
function secondsOf(answer: string): number {
  const [, words] = /restored in ((?:[\d.]+ (?:h|min|s|ms) ?)+)/.exec(answer) ?? [];
  if (words === undefined) throw new Error(`no time of loading: ${answer}`);
  const size = { h: 3_600, min: 60, s: 1, ms: 0.001 };
  return [...words.matchAll(/([\d.]+) (h|min|s|ms)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * size[unit as keyof typeof size],
    0,
  );
}

async function ends({ ada, slack }: Office, line: string, expected: RegExp): Promise<string> {
  const latest = () => ada.sees('#incident').findLast(({ bot_id }) => bot_id !== undefined)?.text ?? '';
  await slack.until(() => !unfinished.test(latest()), `the end of ${line}`, patience);
  if (!expected.test(latest())) throw new Error(`${line} answered: ${latest()}`);
  return latest();
}

/** One backup at a time, or the disk fills. */
async function keepNone(root: string): Promise<void> {
  for (const target of await readdir(root)) {
    const { found } = await findBackups(path.join(root, target));
    for (const { directory } of found) await rm(directory, { recursive: true });
  }
}

/** An approved restore under writers: from the click to its end, seconds, and the longest pause of a writer, milliseconds. */
async function replace(
  office: Office,
  { cluster, owner }: Surroundings,
  url: string,
): Promise<{ seconds: number; gap: number }> {
  const { ada, slack } = office;
  const { database } = parseConnectionUrl(url);
  await cluster.admin.sql('create table written (id bigint generated always as identity primary key)', [], database);
  await cluster.admin.sql(`alter table written owner to ${pg.escapeIdentifier(owner.user)}`, [], database);
  await says(office, '/db backup', /Backup complete/);
  const writers = await startWriters(cluster.url(database, owner));
  await ada.types('/db restore latest --reason "the bench"');
  const card = () =>
    ada.sees('#incident').findLast(({ bot_id, text }) => bot_id !== undefined && / needs approval/.test(text));
  await slack.until(() => card() !== undefined, 'the card', 60_000);
  const took = await timed(async () => {
    await slack.person('ben').clicks('Approve', { on: card()! });
    await slack.until(
      () => ada.sees('#incident').some(({ text }) => /connections were refused for|failed/.test(text)),
      'the end of the restore',
      patience,
    );
  });
  await writers.again();
  const { worstGap } = await writers.stop();
  return { seconds: took / 1_000, gap: worstGap };
}

/** Its own, without its tools': https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, in hundredths of a second. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

function watchMemory({ app }: Office): { stop(): Promise<number> } {
  const over = new AbortController();
  let highest = 0;
  const watching = (async () => {
    while (!over.signal.aborted) {
      // A bot that has ended is told by the answer that does not come.
      highest = Math.max(highest, await app.memory().catch(() => 0));
      await pause(every, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      over.abort();
      await watching;
      return highest;
    },
  };
}
