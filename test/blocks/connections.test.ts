import { expect, test } from '@jest/globals';
import { connectionFile, connectionsView } from '../../blocks/connections.ts';
import { csv } from '../../blocks/table.ts';
import type { View } from '../../blocks/view.ts';
import { type ConnectionSnapshot, judgeConnections } from '../../src/postgres/connections.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { connection, crowded, serverWith } from '../postgres/simulated-connections.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const judge = (snapshot: ConnectionSnapshot) => judgeConnections(snapshot, thresholdsSchema.parse({}));

function view(snapshot: ConnectionSnapshot): View {
  return connectionsView({ ...judge(snapshot), target: 'portal', actionId: 'A-1042' });
}

test('a quiet server in a few lines', () => {
  expect(view(serverWith(connection(1), connection(2, { application: 'psql', state: 'active' }))).text).toBe(
    [
      '🟢 Connections on portal: all well',
      'Taken: ▰▱▱▱▱▱▱▱▱▱ 2 of 97 usable (100, 3 of them reserved)',
      'By state: active 1, idle 1',
      'Oldest: 1 min: pid 1, `portal-bff`',
      'By application, user and database',
      'Application  User in database  Total  Active  Idle  In transaction  Oldest',
      'portal-bff   portal in portal      1       0     1               0   1 min',
      'psql         portal in portal      1       1     0               0   1 min',
    ].join('\n'),
  );
});

test('who is idle in transaction can be ended right there, and what would free the most comes first', () => {
  const backends = [
    connection(4711, { application: 'nightly-report', state: 'idle in transaction', stateSeconds: 420 }),
    ...Array.from({ length: 3 }, (_, index) => connection(index, { stateSeconds: 700 })),
    connection(9, { blocked: true, state: 'active' }),
    connection(10, { blocked: true, state: 'active' }),
  ];
  const { text, blocks } = view(serverWith(...backends));
  expect(text).toContain('🟡 1 session idle in transaction, the longest for 7 min (attention from 5 min)');
  expect(blocks).toContainEqual(
    expect.objectContaining({
      text: expect.objectContaining({ text: 'pid 4711, `nightly-report`, idle in transaction for 7 min' }),
      accessory: expect.objectContaining({ action_id: 'next', value: 'A-1042 kill 4711' }),
    }),
  );
  expect(text.split('\n').slice(3, 8)).toEqual([
    '*What would free the most*',
    '1. `portal-bff` of `portal` keeps 3 connections that did nothing for 10 min: lower its pool (Prisma: `connection_limit`) or its instances',
    '2. 2 sessions wait for locks: `/db locks` shows who holds them up',
    '3. 1 session idle in transaction for 5 min or longer: end them, the longest first',
    'pid 4711, `nightly-report`, idle in transaction for 7 min',
  ]);
  expect(JSON.stringify(blocks)).toContain('"value":"A-1042 locks"');
});

test('whom the bot may not end has no button, and it is said why', () => {
  const open = { state: 'idle in transaction', stateSeconds: 420, killRefusal: 'superuser' } as const;
  const { text, blocks } = view(serverWith(connection(4711, open)));
  expect(text).toContain(
    'pid 4711, `portal-bff`, idle in transaction for 7 min; it may not be ended by the bot: a superuser’s session',
  );
  expect(JSON.stringify(blocks)).not.toContain('kill 4711');
});

test('what is hidden is not counted as nothing', () => {
  const seen = connection(1, { application: 'psql', user: 'poor' });
  const unseen = connection(2, { state: null, stateSeconds: null, connectedSeconds: null });
  const { text } = view({ ...serverWith(seen, unseen), hidden: 1 });
  expect(text).toMatch(/^portal-bff +portal in portal +1 +– +– +– +–$/m);
  expect(text).toMatch(/^psql +poor in portal +1 +0 +1 +0 +1 min$/m);
  expect(text).not.toContain('Oldest:');
});

test('where nobody waits for locks, nothing leads to them', () => {
  const { text, blocks } = view(serverWith(connection(1, { stateSeconds: 700 })));
  expect(text).toContain('*What would free the most*\n1. `portal-bff`');
  expect(JSON.stringify(blocks)).not.toContain('A-1042 locks');
});

test('10,000 connections of 2,800 owners stay within what Slack takes, and the file has them all', () => {
  const report = judge(crowded());
  const shown = view(crowded());
  expect(refusalOfMessage({ ...shown, blocks: [...shown.blocks] })).toBeUndefined();
  expect(shown.text).not.toContain('<!channel>');
  const file = connectionFile(report)!;
  expect(file.rows).toHaveLength(report.groups.length);
  expect(csv(file.columns, file.rows).split('\r\n')).toHaveLength(report.groups.length + 2);
});

test('ten owners need no file', () => {
  const groups = (number: number) =>
    judge(serverWith(...Array.from({ length: number }, (_, pid) => connection(pid, { application: `app ${pid}` }))));
  expect(connectionFile(groups(10))).toBeUndefined();
  expect(connectionFile(groups(11))?.rows).toHaveLength(11);
});
