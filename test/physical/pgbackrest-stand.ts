import { access, chmod, chown, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { openPgbackrest, type Pgbackrest, type Stanza } from '../../src/tools/pgbackrest.ts';
import { serverAccount } from '../cluster/account.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { sharedCluster } from '../cluster/shared.ts';

/** A server whose WAL goes to a pgBackRest repository, with a first full set. */
export interface PgbackrestStand {
  readonly cluster: Cluster;
  readonly stanza: Stanza;
  readonly pgbackrest: Pgbackrest;
  /** Its path. */
  readonly program: string;
  /** A folder that the server's account may reach: BACKUP_DIR. */
  readonly directory: string;
  /** An empty folder of the server's account. */
  readonly tablespace: string;
  /** Changes a setting of the server. */
  set(name: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

/** The first version that knows each major of PostgreSQL. https://pgbackrest.org/release.html */
const firstFor: readonly (readonly [major: number, version: number])[] = [
  [18, 2.56],
  [17, 2.54],
  [16, 2.48],
  [0, 2.45],
];

export async function openStand(): Promise<PgbackrestStand> {
  const { major } = sharedCluster().cluster;
  const program = await findProgram(major);
  const account = await serverAccount();
  const folder = await mkdtemp(path.join(tmpdir(), 'pgb-'));
  const directory = path.join(folder, 'backups');
  await chmod(folder, 0o711);
  for (const place of ['repository', 'locks', 'spool', 'backups', 'tablespace']) {
    await mkdir(path.join(folder, place));
    if (account.uid !== undefined && account.gid !== undefined) {
      await chown(path.join(folder, place), account.uid, account.gid);
    }
  }
  const stanza = { config: path.join(folder, 'pgbackrest.conf'), stanza: 'portal' };
  const cluster = await startCluster({
    settings: {
      archive_mode: 'on',
      archive_command: `${program} --config=${stanza.config} --stanza=portal archive-push %p`,
      track_commit_timestamp: 'on',
      max_connections: '30',
    },
  });
  await writeFile(stanza.config, configuration(folder, cluster), { mode: 0o644 });
  const pgbackrest = openPgbackrest(stanza, { program, account: async () => account });
  const stop = async () => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await execa(program, [`--config=${stanza.config}`, '--stanza=portal', 'stanza-create'], account);
    return {
      cluster,
      stanza,
      pgbackrest,
      program,
      directory,
      tablespace: path.join(folder, 'tablespace'),
      stop,
      set: async (name, value) => {
        await cluster.admin.sql(`alter system set ${name} = '${value}'`);
        await cluster.admin.sql('select pg_reload_conf()');
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** With settings for a restore in place, which a recovery beside the server has to take back. */
function configuration(folder: string, { dataDirectory, port, socketDirectory }: Cluster): string {
  const lines = {
    'repo1-path': `${folder}/repository`,
    'repo1-retention-full': '2',
    'compress-type': 'zst',
    'compress-level': '1',
    'start-fast': 'y',
    delta: 'y',
    'link-all': 'y',
    'recovery-option': 'primary_conninfo=host=10.0.0.1',
    'log-level-file': 'off',
    'lock-path': `${folder}/locks`,
    'spool-path': `${folder}/spool`,
  };
  const server = {
    'pg1-path': dataDirectory,
    'pg1-port': String(port),
    'pg1-socket-path': socketDirectory,
    'pg1-user': 'postgres',
  };
  const section = (name: string, entries: Record<string, string>) =>
    [`[${name}]`, ...Object.entries(entries).map(([key, value]) => `${key}=${value}`), ''].join('\n');
  return `${section('global', lines)}\n${section('portal', server)}`;
}

/** Of PGBACKREST, beside the server's own programs, or of PATH: the first that knows the server's version. */
async function findProgram(major: number): Promise<string> {
  const [, wanted = 0] = firstFor.find(([from]) => major >= from) ?? [];
  const beside = path.resolve(sharedCluster().cluster.bin, '../../../../bin/pgbackrest');
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = [process.env.PGBACKREST, beside, ...folders.map(folder => path.join(folder, 'pgbackrest'))];
  for (const candidate of candidates.filter(file => file !== undefined)) {
    if (
      !(await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      ))
    )
      continue;
    const { stdout } = await execa(candidate, ['version'], { reject: false });
    if (Number(/^pgBackRest (\d+\.\d+)/.exec(stdout)?.[1] ?? 0) >= wanted) return candidate;
  }
  throw new Error(
    `These tests need pgBackRest ${wanted} or newer for PostgreSQL ${major}: apt-get install pgbackrest, or name one in PGBACKREST.`,
  );
}
