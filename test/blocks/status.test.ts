import { describe, expect, test } from '@jest/globals';
import type { ActionsBlockElement, Button, SectionBlockAccessory } from '@slack/types';
import { limits } from '../../blocks/limits.ts';
import { statusOutcome, statusView } from '../../blocks/status.ts';
import type { View } from '../../blocks/view.ts';
import type { Status, StatusReport } from '../../src/postgres/status.ts';
import { assess } from '../../src/postgres/verdict.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { blocker, openTransaction, quietStatus } from '../postgres/quiet-status.ts';

const now = new Date('2026-11-22T12:00:00Z');
const lastBackup = { takenAt: new Date('2026-11-22T08:00:00Z'), bytes: 205_000_000 };
const long = { transaction: 1_800, idleInTransaction: 300 };
const facts = { target: 'portal', actionId: 'A-1042', lastBackup, long };

/** What each button that leads on asks for, by its label. */
function nextSteps({ blocks }: View): Record<string, string | undefined> {
  const buttons = blocks
    .flatMap((block): (ActionsBlockElement | SectionBlockAccessory | undefined)[] => {
      if (block.type === 'actions') return block.elements;
      return block.type === 'section' ? [block.accessory] : [];
    })
    .filter(one => one?.type === 'button' && one.action_id?.startsWith('next')) as Button[];
  return Object.fromEntries(buttons.map(({ text, value }) => [text.text, value]));
}

function report(change: Partial<Status> = {}, backups = new Map<number, string>()): StatusReport {
  const status = { ...quietStatus, ...change };
  return { status, backups, ...assess(status, thresholdsSchema.parse({}), { lastBackup, now }) };
}

/** The lines that a phone shows before the details: 40 characters each, a header's a little fewer. */
function topLines({ blocks }: View): string[] {
  const details = blocks.findIndex(block => block.type === 'section' && 'fields' in block && block.fields);
  return blocks.slice(0, details).flatMap(block => {
    const text = (block.type === 'header' || block.type === 'section') && block.text ? block.text.text : '';
    const shown = text.replace(/<!date[^|]*\|([^>]*)>/g, '$1').replace(/[*`]/g, '');
    return shown.split('\n').flatMap(line => line.match(/.{1,40}/gu) ?? ['']);
  });
}

test('a healthy server on one screen', () => {
  const view = statusView(report(), facts);
  expect(view.text).toBe(
    [
      '🟢 portal is healthy',
      'PostgreSQL: 17.4, primary, up 12 d',
      'Connections: ▰▱▱▱▱▱▱▱▱▱ 12 of 97 usable',
      'Blocked: none',
      'Last backup: <!date^1795334400^{date_short_pretty} {time}|2026-11-22 08:00 UTC>, 205 MB',
      'By state: idle 9\nactive 3',
      'By application: `portal-bff` 10\n`pg-chatops/portal` 2',
      'Longest query: none',
      'Longest transaction: none',
      'Idle in transaction: none',
      'Prepared transactions: none',
      'Size: `portal` 1.3 GB',
      'Cache hit: 99.7 %',
      'Transaction ids: 5 % used (`portal`)',
      'Checksums: 0 failures',
      'Archiver: last 2 min ago, 2 failures',
      'Replication slots: none',
      'Replicas: none',
    ].join('\n'),
  );
  expect(topLines(view)).toHaveLength(5);
  expect(statusOutcome(report())).toBe('healthy');
});

const incident: Partial<Status> = {
  blocked: { count: 3, longestSeconds: 252 },
  blockers: [blocker],
  idleInTransaction: { count: 1, oldestSeconds: 320 },
  longestTransaction: { ...openTransaction, seconds: 400 },
};

test('an incident: the verdict, why, and who holds others up, before anything else', () => {
  const view = statusView(report(incident), facts);
  expect(topLines(view).slice(0, 7).join('\n')).toMatchInlineSnapshot(`
"🟡 portal needs attention
🟡 3 sessions blocked, the longest for 4 
min 12 s (attention from 30 s)
🟡 1 session idle in transaction, the lon
gest for 5 min 20 s (attention from 5 mi
n)
pid 4711, nightly-report, idle in transa"
`);
  expect(view.text).toContain(
    'pid 4711, `nightly-report`, idle in transaction, *holds up 3 sessions*; to end it: `/db kill 4711`',
  );
  expect(topLines(view).length).toBeLessThanOrEqual(14);
  expect(nextSteps(view)).toEqual({
    'Kill 4711': 'A-1042 kill 4711',
    'Show locks': 'A-1042 locks',
    'Show connections': 'A-1042 connections',
  });
  expect(statusOutcome(report(incident))).toBe(
    'attention: 3 sessions blocked, the longest for 4 min 12 s (attention from 30 s), and 1 more',
  );
});

test('sessions that are idle in transaction lead to their page from the limit on', () => {
  const idle = (oldestSeconds: number) => report({ idleInTransaction: { count: 1, oldestSeconds } });
  expect(nextSteps(statusView(idle(299), facts))).toEqual({});
  expect(nextSteps(statusView(idle(300), facts))).toEqual({ 'Show connections': 'A-1042 connections' });
});

describe('a transaction that is open for too long, and holds up nobody', () => {
  const open = (application: string, seconds: number, change: Partial<Status> = {}) => {
    return statusView(report({ longestTransaction: { ...openTransaction, application, seconds }, ...change }), facts);
  };

  test('has a button that leads to its end', () => {
    const view = open('nightly-report', 1_800);
    expect(view.text).toContain('pid 4711, `nightly-report`, transaction open for 30 min; to end it: `/db kill 4711`');
    expect(nextSteps(view)).toEqual({ 'Kill 4711': 'A-1042 kill 4711' });
  });

  test('has none before it is long, and none where the bot works itself', () => {
    expect(nextSteps(open('nightly-report', 1_799))).toEqual({});
    expect(nextSteps(open('pg-chatops/backup/A-1040', 1e6))).toEqual({});
  });

  test('has none where the bot may not end it, and says why', () => {
    const longestTransaction = { ...openTransaction, seconds: 1_800, killRefusal: 'superuser' } as const;
    const view = statusView(report({ longestTransaction }), facts);
    expect(view.text).toContain(
      'pid 4711, `nightly-report`, transaction open for 30 min; it may not be ended by the bot: a superuser’s session; ask',
    );
    expect(nextSteps(view)).toEqual({});
  });

  test('is named once, as the blocker that it is', () => {
    const view = open('nightly-report', 1e6, { blockers: incident.blockers! });
    expect(view.text.match(/kill 4711/g)).toHaveLength(1);
  });
});

test('a backup of the bot that blocks can be cancelled there, after a question', () => {
  const blockers = [
    { ...blocker, pid: 815, application: 'pg-chatops/backup/A-1040', holdsUp: 2 },
    { ...blocker, pid: 816, user: 'eve', application: 'pg-chatops/backup/A-9999', holdsUp: 1 },
  ];
  const { blocks, text } = statusView(report({ blockers }, new Map([[815, 'A-1040']])), facts);
  const buttons = blocks.flatMap(block => ('accessory' in block && block.accessory ? [block.accessory] : []));
  expect(buttons).toMatchObject([
    { action_id: 'cancel', value: 'A-1040', confirm: { title: { text: expect.any(String) } } },
    { action_id: 'next', value: 'A-1042 kill 816' },
  ]);
  expect(text).toContain('The backup A-1040, pid 815, *holds up 2 sessions*');
  expect(text).toContain('`/db kill 816`');
});

test('a blocker that the bot would not end is named without a button', () => {
  const view = statusView(report({ blockers: [{ ...blocker, user: 'postgres', killRefusal: 'superuser' }] }), facts);
  expect(view.text).toContain(
    'pid 4711, `nightly-report`, idle in transaction, *holds up 3 sessions*; it may not be ended by the bot: a superuser’s',
  );
  expect(view.text).not.toContain('/db kill');
  expect(nextSteps(view)).toEqual({});
});

test('a prepared transaction has no pid to kill: it is named, and can be rolled back where the bot may', () => {
  const seen = (...prepared: { gid: string; mayRollBack: boolean }[]) => {
    const view = statusView(report({ blockers: [{ ...blocker, pid: 0, holdsUp: 1, prepared }] }), facts);
    expect(view.text).not.toContain('/db kill');
    return [view.text.split('\n')[1], nextSteps(view)];
  };
  const line = 'rollback-prepared "gid &lt;1&gt;"';
  expect(seen({ gid: 'gid <1>', mayRollBack: true })).toEqual([
    `The prepared transaction \`gid &lt;1&gt;\` *holds up 1 session*; to end it: \`/db ${line}\``,
    { 'Roll back': `A-1042 ${line}` },
  ]);
  expect(seen({ gid: "it's one", mayRollBack: false })).toEqual([
    "The prepared transaction `it's one` *holds up 1 session*; in psql, as its owner: `ROLLBACK PREPARED 'it''s one'`, or `COMMIT PREPARED 'it''s one'`",
    {},
  ]);
  const both = [
    { gid: 'one', mayRollBack: true },
    { gid: 'two', mayRollBack: true },
  ];
  expect(seen(...both)).toEqual(['One of the prepared transactions `one`, `two` *holds up 1 session*', {}]);
  expect(seen()).toEqual(['A prepared transaction *holds up 1 session*', {}]);
});

test('Refresh asks for the same action again', () => {
  const { blocks } = statusView(report(), facts);
  expect(blocks.at(-1)).toMatchObject({ type: 'actions', elements: [{ action_id: 'again', value: 'A-1042' }] });
});

test('a replica, no backup, hidden sessions and waiting settings are said', () => {
  const hidden = report({
    hiddenRows: 9,
    connections: { used: 9, max: 100, reserved: 3, byState: [], byApplication: [] },
    replica: { receiving: false, lagSeconds: 12 },
    pendingRestart: ['max_connections'],
    checksums: { on: false, failures: 0 },
    archiver: { ...quietStatus.archiver, active: false },
    cache: { hits: 0, reads: 0 },
  });
  const view = statusView(hidden, { ...facts, lastBackup: undefined });
  expect(view.text).toContain('Replication: receives nothing, its newest transaction is 12 s old');
  expect(view.text).toContain('Last backup: none known to the bot');
  for (const label of ['By state', 'Longest query', 'Longest transaction', 'Idle in transaction']) {
    expect(view.text).toContain(`${label}: hidden: pg_monitor is missing`);
  }
  expect(view.text).toContain('Checksums: off');
  expect(view.text).toContain('Archiver: off');
  expect(view.text).toContain('Cache hit: too little read to say');
  expect(JSON.stringify(view.blocks)).toContain('waiting for a restart: `max_connections`');
});

test('names that are markup ping nobody, and the longest of everything stays within the limits of Slack', () => {
  const nasty = '<!channel>&`*'.repeat(5);
  const name = nasty.slice(0, 63);
  const session = { pid: 2_147_483_647, user: name, application: name, seconds: 1e7 };
  const busy = report({
    version: nasty.repeat(20),
    database: name,
    hiddenRows: 1e6,
    connections: {
      used: 1e6,
      max: 100,
      reserved: 3,
      byState: Array.from({ length: 8 }, () => ({ state: 'idle in transaction (aborted)', count: 1e6 })),
      byApplication: Array.from({ length: 5 }, () => ({ application: name, count: 1e6 })),
    },
    longestQuery: session,
    longestTransaction: { ...openTransaction, ...session },
    blocked: { count: 1e6, longestSeconds: 1e7 },
    blockers: [0, 1, 2, 3, 4].map(pid => ({
      ...blocker,
      pid,
      user: name,
      application: name,
      state: name,
      holdsUp: 1e6,
    })),
    preparedTransactions: { count: 5, oldestSeconds: 1e7, oldest: nasty.repeat(3) },
    transactionIds: { database: name, age: 2 ** 31 - 1 },
    replicas: Array.from({ length: 9 }, () => ({
      application: name,
      state: 'streaming',
      lagBytes: 1,
      lagSeconds: 1e7,
    })),
    slots: Array.from({ length: 9 }, () => ({
      name,
      type: 'physical',
      active: false,
      walStatus: 'lost',
      retainedBytes: 1e15,
    })),
    pendingRestart: Array.from({ length: 40 }, () => name),
  });
  const { blocks, text } = statusView(busy, { ...facts, target: nasty });
  const withoutDates = (value: string) => value.replace(/<!date\^[^>]*>/g, '');
  expect(withoutDates(text)).not.toMatch(/[<>]/);
  const marked = JSON.stringify(blocks.filter(({ type }) => type !== 'header'));
  expect(withoutDates(marked)).not.toMatch(/[<>]/);
  expect(blocks.length).toBeLessThanOrEqual(limits.blocksInCommandView);
  expect(marked.length).toBeLessThan(limits.textInMessage);
  expect(text.length).toBeLessThanOrEqual(limits.messageText);
  for (const block of blocks) {
    if (block.type !== 'section') continue;
    if (block.text) expect(block.text.text.length).toBeLessThanOrEqual(limits.sectionText);
    for (const field of block.fields ?? []) expect(field.text.length).toBeLessThanOrEqual(limits.fieldText);
  }
});
