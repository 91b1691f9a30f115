import { expect, test } from '@jest/globals';
import { lockFile, locksView } from '../../blocks/locks.ts';
import { csv } from '../../blocks/table.ts';
import type { View } from '../../blocks/view.ts';
import { parse } from '../../src/grammar.ts';
import type { LockSnapshot } from '../../src/postgres/locks.ts';
import { loadCommands } from '../../src/registry.ts';
import { chainOf, judge, nobodyWaits, session, waitOf } from '../postgres/simulated-locks.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

function view(snapshot: LockSnapshot, ownPids?: Set<number>): View {
  return locksView({ ...judge(snapshot, ownPids), target: 'portal', actionId: 'A-1042' });
}

/** What stands beside each concerned: text and the value of its button. */
const concerned = ({ blocks }: View) =>
  blocks.flatMap(block =>
    block.type === 'section' && block.text && /pid|prepared/.test(block.text.text)
      ? [[block.text.text, block.accessory && 'value' in block.accessory ? block.accessory.value : undefined]]
      : [],
  );

const queue: LockSnapshot = {
  ...nobodyWaits,
  waits: [waitOf(2, [1], { seconds: 240 }), waitOf(3, [2], { mode: 'AccessShareLock', seconds: 40 })],
  holds: [{ pid: 1, gid: null, mode: 'RowExclusiveLock', tag: 'relation/1/2' }],
  sessions: [
    session(1, { application: 'nightly-report', state: 'idle in transaction', transactionSeconds: 400 }),
    session(2, { application: 'migration' }),
    session(3),
  ],
};

test('nobody waits', () => {
  expect(view(nobodyWaits).text).toBe('🟢 Locks on portal: all well\nWaiting for a lock: nobody');
});

test('the root with its button first, then the tree', () => {
  const shown = view(queue);
  expect(shown.text.split('\n').slice(0, 6)).toEqual([
    '🟡 Locks on portal: needs attention',
    '🟡 2 sessions blocked, the longest for 4 min (attention from 30 s)',
    '→ End the first of a tree, which frees all below it; ending one that waits frees little',
    'pid 1, `nightly-report`, idle in transaction, transaction open for 6 min 40 s, holds up *2 sessions*, the longest for 4 min; it holds RowExclusiveLock on orders',
    'Waiting for a lock: 2 sessions, the longest for 4 min, in 1 tree',
    'Who waits behind whom',
  ]);
  expect(shown.text.split('\n').slice(7)).toEqual([
    expect.stringMatching(/^1 +– +holds up 2 +nightly-report, idle in transaction +update orders set note = \?$/),
    expect.stringMatching(/^└ 2 +4 min +AccessExclusiveLock on orders +migration, active/),
    expect.stringMatching(/^└ └ 3 +40 s +AccessShareLock on orders +portal-bff, active/),
  ]);
  expect(concerned(shown)).toEqual([[expect.stringContaining('pid 1, `nightly-report`'), 'A-1042 kill 1']]);
});

test("a root that may not be ended has no such button, and the bot's own backup one to cancel it", () => {
  const hands = (change: Parameters<typeof session>[1], ownPids?: Set<number>) =>
    concerned(view({ ...queue, sessions: [session(1, change), session(2), session(3)] }, ownPids)).map(
      ([, value]) => value,
    );
  expect(hands({ killRefusal: 'superuser' })).toEqual([undefined]);
  const said = view({ ...queue, sessions: [session(1, { killRefusal: 'superuser' })] }).text;
  expect(said).toContain('it may not be ended by the bot: a superuser’s session; ask whoever works as that superuser');
  const backup = { application: 'pg-chatops/backup/A-7', killRefusal: 'own' } as const;
  expect(hands(backup, new Set([1]))).toEqual(['A-7']);
  expect(hands(backup)).toEqual([undefined]);
});

const prepared = { gid: 'pay-42', owner: 'portal', database: 'portal', seconds: 7_200, mayRollBack: true };

test('prepared transactions: the one in the way by name, the other one too; each can be rolled back', () => {
  const shown = view({
    ...nobodyWaits,
    waits: [waitOf(2, [0])],
    holds: [
      { pid: null, gid: 'pay-42', mode: 'RowExclusiveLock', tag: 'relation/1/2' },
      { pid: null, gid: 'other', mode: 'AccessShareLock', tag: 'relation/9/9' },
    ],
    sessions: [session(2)],
    prepared: [prepared, { ...prepared, gid: 'other' }],
  });
  expect(concerned(shown)).toEqual([
    [expect.stringContaining('2 prepared transactions left open'), undefined],
    [
      'The prepared transaction `pay-42` of `portal` in `portal`, 2 h old, holds up *1 session*, the longest for 10 s; it holds RowExclusiveLock on orders',
      'A-1042 rollback-prepared "pay-42"',
    ],
    ['The prepared transaction `other` of `portal` in `portal` is 2 h old', 'A-1042 rollback-prepared "other"'],
  ]);
});

test('one that the bot may not roll back has no such button, in the way or not', () => {
  const owned = { ...prepared, owner: 'postgres', mayRollBack: false };
  const shown = view({
    ...nobodyWaits,
    waits: [waitOf(2, [0])],
    holds: [{ pid: null, gid: 'pay-42', mode: 'RowExclusiveLock', tag: 'relation/1/2' }],
    sessions: [session(2)],
    prepared: [owned, { ...owned, gid: 'other' }],
  });
  expect(concerned(shown).slice(1)).toEqual([
    [expect.stringContaining('`pay-42` of `postgres`'), undefined],
    [expect.stringContaining('`other` of `postgres`'), undefined],
  ]);
});

test('what a root holds is told by the row that one of those who wait shows, not by the number of its transaction', () => {
  const wait = { type: 'transactionid', mode: 'ShareLock', tag: 'xid/790' };
  const [first, second] = [
    waitOf(2, [1], { ...wait, object: 'a row of users' }),
    waitOf(3, [1], { ...wait, object: 'transaction 790' }),
  ];
  const holds = [{ pid: 1, gid: null, mode: 'ExclusiveLock', tag: 'xid/790' }];
  const sessions = [session(1), session(2), session(3)];
  for (const waits of [
    [first, second],
    [second, first],
  ]) {
    expect(judge({ ...nobodyWaits, waits, holds, sessions }).roots[0]?.holds).toEqual(['a row of users']);
  }
});

test('a lock that is in nobody’s way is not blamed', () => {
  const [root] = judge({
    ...nobodyWaits,
    waits: [waitOf(2, [0], { mode: 'RowExclusiveLock' })],
    holds: [
      { pid: null, gid: 'innocent', mode: 'RowExclusiveLock', tag: 'relation/1/2' },
      { pid: null, gid: 'guilty', mode: 'ShareLock', tag: 'relation/1/2' },
    ],
    sessions: [session(2)],
    prepared: [
      { ...prepared, gid: 'innocent' },
      { ...prepared, gid: 'guilty' },
    ],
  }).roots;
  expect(root?.nodes.map(({ gid, pid }) => gid ?? pid)).toEqual(['guilty', 2]);
});

test.each(['pay 42', 'say "no"', `"it's`, '--on x', '<!channel> & &amp;', '«both»', '—dash'])(
  'the button for %j asks for exactly that one',
  async gid => {
    const commands = await loadCommands();
    const shown = view({ ...nobodyWaits, prepared: [{ ...prepared, gid }] });
    const value = concerned(shown).at(-1)?.[1];
    expect(parse(String(value).replace(/^A-1042 /, ''), commands)).toMatchObject({
      command: { name: 'rollback-prepared' },
      args: { gid },
    });
  },
);

test('a gid that no quotation holds has no button', () => {
  const shown = view({ ...nobodyWaits, prepared: [{ ...prepared, gid: `"'»’` }] });
  expect(concerned(shown).at(-1)?.[1]).toBeUndefined();
});

test('a queue too long to be looked at whole is said to be one', () => {
  const queue = (blockersCut: boolean) =>
    view({ ...nobodyWaits, waits: [waitOf(2, [1], { blockersCut })], sessions: [session(1), session(2)] }).text;
  expect(queue(true)).toContain('of these the first 200 were looked at');
  expect(queue(false)).not.toContain('looked at');
});

test('a circle and a wait for nobody are said to be what they are', () => {
  const circle = view({ ...nobodyWaits, waits: [waitOf(1, [2]), waitOf(2, [1])], sessions: [session(1), session(2)] });
  expect(circle.text).toContain('sessions wait for each other\n→ A deadlock');
  expect(circle.text).toContain('waits in a circle with others');
  const free = view({ ...nobodyWaits, waits: [waitOf(1, [])], sessions: [session(1)] });
  expect(free.text).toContain('pid 1, `portal-bff`, waits, though nobody holds it up any more');
});

test('a chain of 1,000: judged and shown within a second and a message, whole in the file', () => {
  const snapshot = chainOf(1_000);
  const began = performance.now();
  const report = judge(snapshot);
  const shown = view(snapshot);
  const file = lockFile(report)!;
  const content = csv(file.columns, file.rows);
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(refusalOfMessage({ ...shown, blocks: [...shown.blocks] })).toBeUndefined();
  expect(shown.text).not.toContain('<!channel>');
  expect(shown.text).toContain('pid 1, `&lt;!channel&gt;');
  expect(shown.text).toContain('holds up *1,000 sessions*, the longest for 33 min 19 s');
  expect(content.split('\r\n')).toHaveLength(1_003);
  expect(content).toContain('\r\n1,1000,1001,,1000,a row of orders,1000,');
});
