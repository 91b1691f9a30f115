import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { bestCompression } from '../../src/backups/dump.ts';
import { parseConnectionUrl, toEnvironment } from '../../src/postgres/connection-url.ts';
import { runBackup } from './backup-run.ts';
import { compare } from './findings.ts';
import { openBotOffice } from './office.ts';
import { sideBySide, timed } from './side-by-side.ts';
import type { Topic } from './topic.ts';

/** sha256sum of every file in a folder; macOS calls it shasum. */
const checksums = 'sha256sum "$0"/* 2>/dev/null || shasum -a 256 "$0"/*';

/**
 * How long a backup takes: from typing `/db backup` to the answer in the channel, with row counts and checksums, and
 * the files forced to disk. Beside it the same pg_dump started by hand, which forces its files to disk as well, and the
 * runbook's line, which does not. One backup goes before them all, so that all find the data in memory.
 */
export const backup: Topic = async (surroundings, { runs, megabytes }) => {
  const { bin, major } = surroundings.cluster;
  const url = await surroundings.bulkUrl(megabytes);
  const folder = await surroundings.newFolder();
  const backups = path.join(folder, 'backups');
  await using office = await openBotOffice({ url, bin, folder });
  const {
    manifest: { jobs },
  } = await runBackup(office, backups);

  const program = path.join(bin, 'pg_dump');
  const byHand = path.join(folder, 'by-hand');
  const argv = [
    '--format=directory',
    `--file=${byHand}`,
    `--jobs=${jobs}`,
    `--compress=${await bestCompression(program, major)}`,
    '--no-password',
  ];
  const zipped = path.join(folder, 'backup.sql.gz');
  const env = {
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    DATABASE_URL: url,
    ...toEnvironment(parseConnectionUrl(url)),
  };
  const withChecksums: number[] = [];
  const megabytesOf = { bot: [] as number[], runbook: [] as number[] };

  const seconds = await sideBySide(
    {
      bot: async () => {
        const { milliseconds, manifest } = await runBackup(office, backups);
        megabytesOf.bot.push(manifest.bytes / 1e6);
        return milliseconds / 1_000;
      },
      byHand: async () => {
        const milliseconds = await timed(() => execa(program, argv, { env, extendEnv: false }));
        const checking = await timed(() => execa('sh', ['-c', checksums, byHand], { env, extendEnv: false }));
        withChecksums.push((milliseconds + checking) / 1_000);
        await rm(byHand, { recursive: true });
        return milliseconds / 1_000;
      },
      runbook: async () => {
        const line = `pg_dump $DATABASE_URL | gzip > '${zipped}'`;
        const milliseconds = await timed(() => execa('sh', ['-c', line], { env, extendEnv: false }));
        megabytesOf.runbook.push((await stat(zipped)).size / 1e6);
        await rm(zipped);
        return milliseconds / 1_000;
      },
    },
    { runs, warmUp: 0 },
  );

  const what = `/db backup of ${megabytes} MB`;
  const runbook = 'pg_dump | gzip';
  return [
    compare({
      what,
      unit: 's',
      ours: seconds.bot,
      beside: { what: 'the same pg_dump by hand', values: seconds.byHand },
      atMost: 1.05,
    }),
    compare({
      what,
      unit: 's',
      ours: seconds.bot,
      beside: { what: 'that and its checksums by hand', values: withChecksums },
    }),
    compare({
      what,
      unit: 's',
      ours: seconds.bot,
      beside: { what: runbook, values: seconds.runbook },
      atMost: hasZstd(major) ? 0.25 : 0.35,
    }),
    compare({
      what: `${what}, size`,
      unit: 'MB',
      ours: megabytesOf.bot,
      beside: { what: runbook, values: megabytesOf.runbook },
      ...(hasZstd(major) && { atMost: 1 }),
    }),
  ];
};

/** https://www.postgresql.org/docs/release/16.0/: pg_dump compresses with lz4 and zstd. */
function hasZstd(major: number): boolean {
  return major >= 16;
}
