/** What the bot makes of somebody else's database: backed up, verified, restored, and compared. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { type Office, openBotOffice } from '../bench/office.ts';
import { withClient } from '../cluster/client.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { createPortalRole } from '../cluster/roles.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { allowRestores } from '../restore/restore-stand.ts';

export interface RoundTrip {
  /** Statements of the file that PostgreSQL refused to the owner of the database. */
  readonly refused: number;
  readonly tables: number;
  readonly rows: number;
  /** Lines of its definitions, as pg_dump writes them. */
  readonly definitions: number;
  /** What the bot said of each step. */
  readonly said: readonly string[];
  /** What is not as it was before. */
  readonly differences: readonly string[];
}

/** Nobody waits for longer, milliseconds. */
const patience = 900_000;

/**
 * Loads a file of SQL into a database of a throwaway server, as its owner, who is no superuser; then has the real bot
 * back it up, verify that, restore it and undo the restore, and compares definitions and rows each time.
 *
 * @throws Error when the file cannot be read, or makes no table; when the bot answers otherwise than it should.
 */
export async function roundTrip(file: string): Promise<RoundTrip> {
  await using opened = new AsyncDisposableStack();
  const cluster = await startCluster();
  opened.defer(() => cluster.stop());
  const owner = await createPortalRole(cluster);
  await cluster.createDatabase(templateDatabase, { owner: owner.user });
  const database = await freshDatabase({ cluster, portal: owner });
  await allowRestores(database);
  const folder = await mkdtemp(path.join(tmpdir(), 'sample-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const refused = await load(cluster, database, file);
  const before = await pictureOf(cluster, database);
  if (before.rows.size === 0) throw new Error(`${file} made no table: ${refused} statements were refused`);
  const office = opened.use(await openBotOffice({ url: database.botUrl, bin: cluster.bin, folder }));
  const said = [
    await says(office, '/db backup', /^Backup complete/),
    await says(office, '/db verify latest', /^🟢 Verified: .* \((counts|contents)\), in /u),
  ];
  await change(database);
  const changed = await pictureOf(cluster, database);
  said.push(await approved(office, '/db restore latest'));
  const restored = await pictureOf(cluster, database);
  const id = /A-\d+/.exec(said.at(-1) ?? '')?.[0] ?? '';
  said.push(await approved(office, `/db restore-undo ${id}`));
  const undone = await pictureOf(cluster, database);
  return {
    refused,
    tables: before.rows.size,
    rows: [...before.rows.values()].reduce((sum, { rows }) => sum + rows, 0),
    definitions: before.definitions.length,
    said,
    differences: [
      ...(before.definitions.length === changed.definitions.length ? ['the change was not seen'] : []),
      ...differences('after the restore', before, restored),
      ...differences('after the undo', changed, undone),
    ],
  };
}

interface Picture {
  readonly definitions: readonly string[];
  readonly rows: ReadonlyMap<string, { readonly rows: number; readonly hash: string }>;
}

/**
 * A statement that is refused keeps no other from running, and psql's exit code from being 0.
 * https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-EXIT-STATUS
 *
 * @returns how many statements were refused, such as those that need a superuser.
 * @throws Error when psql could not read the file, or lost the server.
 */
async function load({ bin }: Cluster, { url }: TestDatabase, file: string): Promise<number> {
  const argv = ['--no-psqlrc', '--quiet', '--file', file, url];
  const { stderr } = await execa(path.join(bin, 'psql'), argv, { stdout: 'ignore', cwd: path.dirname(file) });
  return stderr.split('\n').filter(line => /\b(ERROR|FATAL):/.test(line)).length;
}

/** What a restore has to take back. */
async function change({ url }: TestDatabase): Promise<void> {
  await withClient(url, client => client.query('create table written_since as select now() as at'));
}

/** Sequences count as tables with a row each. */
async function pictureOf({ bin }: Cluster, { url }: TestDatabase): Promise<Picture> {
  const { stdout } = await execa(path.join(bin, 'pg_dump'), ['--schema-only', url]);
  // Each run of pg_dump has a token of its own since the releases of August 2025.
  const definitions = stdout.split('\n').filter(line => line !== '' && !/^(--|\\(un)?restrict )/.test(line));
  const rows = new Map<string, { rows: number; hash: string }>();
  await withClient(url, async client => {
    const { rows: tables } = await client.query<{ name: string; contents: string }>(
      `select format('%I.%I', nspname, relname) as name,
         case relkind when 'S' then 'max(format(''%s %s'', last_value, is_called))'
           else 'coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text' end as contents
       from pg_class c join pg_namespace n on n.oid = relnamespace
       where relkind in ('r', 'm', 'S') and relpersistence <> 't' and nspname !~ '^pg_' and nspname <> 'information_schema'
         and has_table_privilege(c.oid, 'SELECT') and (relkind <> 'm' or relispopulated) order by 1`,
    );
    for (const { name, contents } of tables) {
      const { rows: counted } = await client.query<{ rows: number; hash: string }>(
        `select count(*)::int as rows, ${contents} as hash from only ${name} t`,
      );
      rows.set(name, counted[0]!);
    }
  });
  return { definitions, rows };
}

function differences(when: string, wanted: Picture, found: Picture): string[] {
  const names = new Set([...wanted.rows.keys(), ...found.rows.keys()]);
  const [then, now] = [new Set(wanted.definitions), new Set(found.definitions)];
  const told = (name: string, { rows }: Picture) => rows.get(name)?.rows ?? 'none';
  return [
    ...[...then].filter(line => !now.has(line)).map(line => `${when}, missing: ${line}`),
    ...[...now].filter(line => !then.has(line)).map(line => `${when}, new: ${line}`),
    ...[...names]
      .filter(name => wanted.rows.get(name)?.hash !== found.rows.get(name)?.hash)
      .map(name => `${when}, ${name}: ${told(name, found)} rows, ${told(name, wanted)} before`),
  ];
}

const latest = ({ ada }: Office) => ada.sees('#incident').findLast(({ bot_id }) => bot_id !== undefined);

/** @returns the first line of the answer. */
async function says(office: Office, line: string, expected: RegExp): Promise<string> {
  const before = office.answers();
  await office.ada.types(line);
  await office.answered(before + 1);
  return ends(office, line, { over: finished, expected });
}

async function approved(office: Office, line: string): Promise<string> {
  await says(office, line, /^A-\d+ needs approval: /);
  await office.slack.person('ben').clicks('Approve', { on: latest(office)! });
  return ends(office, line, { over: outcome, expected: /^A-\d+ succeeded\b/ });
}

/** What begins otherwise than a message that is still edited. */
const finished = /^(?!(Still looking into|Working on|Backing up|Encrypting|Checking|Copying|Verifying|Restoring) )./u;

/** How the requester is told of an end: not the card, neither while it waits nor when it is settled. */
const outcome = /^A-\d+ (?!needs approval)/;

async function ends(
  office: Office,
  line: string,
  { over, expected }: Record<'over' | 'expected', RegExp>,
): Promise<string> {
  const text = () => latest(office)?.text ?? '';
  await office.slack.until(() => over.test(text()), `the end of ${line}`, patience);
  if (!expected.test(text())) throw new Error(`${line} answered: ${text()}`);
  return text().split('\n')[0]!;
}
