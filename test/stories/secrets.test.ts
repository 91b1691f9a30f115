/** Everything that a whole story leaves anywhere, searched for every secret that the bot was given. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { sharedCluster } from '../cluster/shared.ts';
import { type Office, openOffice } from './office.ts';

const wrong = { user: 'nobody', password: 'wrong-and-secret-4711' };
const unreachablePassword = 'unreachable-and-secret-4712';
const signingSecret = 'signing-and-secret-4713';
const auditKey = 'audit-key-and-secret-4714-of-32-characters-or-more';

const storePassword = 'store-and-secret-4715';

type Place = 'the log' | 'Slack' | 'the store' | 'the backups' | 'the arguments of processes';

let office: Office;
let secrets: Record<string, string>;
const produced = new Map<Place, string>();

beforeAll(async () => {
  office = await openOffice({
    asProcess: true,
    yaml: [
      'default_target: portal',
      'targets:',
      '  - { name: portal, database_url_env: DATABASE_URL }',
      '  - { name: refusing, database_url_env: REFUSING_URL }',
      '  - { name: unreachable, database_url_env: UNREACHABLE_URL }',
    ].join('\n'),
    environment: {
      LOG_LEVEL: 'trace',
      SLACK_SIGNING_SECRET: signingSecret,
      AUDIT_KEY: auditKey,
      REFUSING_URL: sharedCluster().cluster.url('postgres', wrong),
      UNREACHABLE_URL: `postgresql://chatops:${unreachablePassword}@127.0.0.1:1/portal`,
    },
  });
  const { slack, database } = office;
  secrets = {
    'the bot token': slack.botToken,
    'the app token': slack.appToken,
    'the signing secret': signingSecret,
    'the audit key': auditKey,
    "the database's password": database.bot.password,
    'a wrong password': wrong.password,
    'the password of a database that is down': unreachablePassword,
    "the store's password": storePassword,
  };
  await story();
  produced.set('the log', office.logged() + (await withoutStore()));
  produced.set('Slack', JSON.stringify(slack.calls) + whatPeopleSaw());
  produced.set('the store', await contentOf(path.join(office.folder, 'state')));
  produced.set('the backups', await contentOf(path.join(office.folder, 'backups')));
}, 180_000);
afterAll(() => office.close());

/** Reading, failing to connect, killing, denying, backing up, and an app token that Slack takes no longer. */
async function story(): Promise<void> {
  const { slack, ada, ben } = office;
  await ada.types('/db status');
  await ada.types('/db status --on refusing');
  await office.sees(ada, 'password authentication failed');
  await ada.types('/db status --on unreachable');
  await office.sees(ada, 'unreachable cannot be reached');
  const id = await office.asksToKill(await office.idleSession('nightly-report'), '--reason "blocks the deploy"');
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
  const denied = await office.asksToKill(await office.idleSession());
  await ben.clicks('Deny');
  await slack.until(() => ben.modal()?.blocks.some(block => block.type === 'input'), 'the form');
  await ben.submits({ Reason: 'not now' });
  await office.reads('#incident', `${denied} was denied`);
  const watching = new AbortController();
  const seen = new Set<string>();
  const watched = watchArguments(seen, watching.signal);
  const complete = () => office.transcript('#incident').filter(text => text.includes('Backup complete')).length;
  try {
    // pg_dump is at work for a moment only, and on a busy machine nobody may have looked at that moment.
    for (let before = 0; ![...seen].some(isOwnDump); before += 1) {
      await ada.types('/db backup');
      await slack.until(() => complete() > before, 'the backup to end');
    }
  } finally {
    watching.abort();
    await watched;
  }
  produced.set('the arguments of processes', [...seen].join('\n'));
  slack.faults.revoke('app');
  slack.refreshOldestConnection();
  await office.botEnded();
}

/** What a bot says whose store, in PostgreSQL, is down when it starts. */
async function withoutStore(): Promise<string> {
  const { slack, database } = office;
  const { exitCode, all } = await execa(process.execPath, ['src/main.ts'], {
    env: {
      LOG_LEVEL: 'trace',
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      DATABASE_URL: database.botUrl,
      AUDIT_CHANNEL: slack.channel('#db-audit').id,
      APPROVERS: slack.person('ben').id,
      STORE_URL: `postgresql://chatops:${storePassword}@127.0.0.1:1/record`,
      PG_BIN: database.cluster.bin,
    },
    all: true,
    reject: false,
    timeout: 20_000,
  });
  expect(exitCode).toBeGreaterThan(0);
  return all;
}

function whatPeopleSaw(): string {
  const { ada, ben } = office;
  return [ada, ben]
    .flatMap(person => ['#incident', '#db-audit'].flatMap(name => office.seenBy(person, name)))
    .join('\n');
}

/** The arguments of every process of the machine, looked at again and again until told to stop. */
async function watchArguments(seen: Set<string>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { stdout } = await execa('ps', ['-A', '-ww', '-o', 'args=']);
    for (const line of stdout.split('\n')) seen.add(line);
    await pause(20);
  }
}

/** Not one of another test. */
const isOwnDump = (line: string) => /pg_dump.*--format/.test(line) && line.includes(office.folder);

async function pathsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.map(name => path.join(folder, name));
}

/** Names and contents of the files, those that pg_dump compressed decompressed. */
async function contentOf(folder: string): Promise<string> {
  const contents = await Promise.all(
    (await pathsIn(folder)).map(async name => {
      if (!(await stat(name)).isFile()) return name;
      const content = await readFile(name);
      return `${name}\n${(name.endsWith('.gz') ? gunzipSync(content) : content).toString('latin1')}`;
    }),
  );
  return contents.join('\n');
}

test('each place was really written to: the search would find what is there', () => {
  expect(produced.get('the log')).toContain('Slack does not take SLACK_APP_TOKEN');
  expect(produced.get('the log')).toContain('The store in PostgreSQL cannot be reached');
  expect(produced.get('Slack')).toContain('nightly-report');
  expect(produced.get('Slack')).toContain('unreachable cannot be reached');
  expect(produced.get('the store')).toContain('blocks the deploy');
  expect(produced.get('the backups')).toContain('SHA256SUMS');
  expect(produced.get('the backups')).toContain('"tables"');
  expect(produced.get('the arguments of processes')).toMatch(/pg_dump.*--format/);
  expect(produced.get('the arguments of processes')).toContain('src/main.ts');
  expect(Object.values(secrets).every(secret => secret.length > 10)).toBe(true);
});

describe.each<Place>(['the log', 'Slack', 'the store', 'the backups', 'the arguments of processes'])('%s', place => {
  test('holds no secret', () => {
    const text = produced.get(place) ?? '';
    const leaked = Object.entries(secrets).filter(
      ([, secret]) =>
        text.includes(secret) ||
        text.includes(encodeURIComponent(secret)) ||
        text.includes(Buffer.from(secret).toString('base64')),
    );
    expect(leaked.map(([name]) => name)).toEqual([]);
  });
});

test('files are 0600 and folders 0700', async () => {
  const folders = ['state', 'backups'].map(name => path.join(office.folder, name));
  const modes = await Promise.all(
    [...folders, ...(await Promise.all(folders.map(pathsIn))).flat()].map(async name => {
      const found = await stat(name);
      return { name, kind: found.isDirectory() ? 'folder' : 'file', mode: (found.mode & 0o777).toString(8) };
    }),
  );
  expect(modes.length).toBeGreaterThan(8);
  expect(modes.filter(({ kind, mode }) => mode !== (kind === 'folder' ? '700' : '600'))).toEqual([]);
});
