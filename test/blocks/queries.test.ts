import { expect, test } from '@jest/globals';
import { queriesView, queryFile } from '../../blocks/queries.ts';
import { csv } from '../../blocks/table.ts';
import type { View } from '../../blocks/view.ts';
import { judgeQueries, type QuerySnapshot } from '../../src/postgres/queries.ts';
import { settings } from '../postgres/backend-stage.ts';
import { longSession, manyLong } from '../postgres/simulated-queries.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const judge = (snapshot: QuerySnapshot) =>
  judgeQueries(snapshot, { ...settings, ownPids: new Set([12]), longerThan: 300 });

function view(...sessions: QuerySnapshot['sessions']): View {
  return queriesView({ ...judge({ hidden: 0, sessions }), target: 'portal', actionId: 'A-1042' });
}

test('each of those who may not be ended is called a pid, and what one is is not said of several', () => {
  const refused = [13, 14, 15].map(pid => longSession(pid, { killRefusal: 'superuser', cancelRefusal: 'superuser' }));
  expect(view(...refused.slice(0, 1)).text).toContain('pid 13 may not be ended by the bot: a superuser’s session; ask');
  expect(view(...refused.slice(0, 1)).text).not.toContain('The same holds');
  expect(view(...refused).text).toMatch(/pid 13 may not be ended by .*superuser\. The same holds for pid 14, pid 15\./);
});

test('nobody has worked for long', () => {
  const { text, blocks } = view();
  expect(text).toContain('🟢 Queries on portal: all well\nFor 5 min or longer: nobody\n');
  expect(blocks.some(({ type }) => type === 'data_table')).toBe(false);
  const blind = queriesView({ ...judge({ hidden: 3, sessions: [] }), target: 'portal', actionId: 'A-1042' });
  expect(blind.text).toContain('For 5 min or longer: nobody that the bot may see\n');
});

test('who, for how long, behind whom, and the buttons that would not be refused', () => {
  const { text, blocks } = view(
    longSession(4711, {
      transactionSeconds: 500,
      state: 'idle in transaction',
      querySeconds: null,
      cancelRefusal: 'nothing-to-cancel',
    }),
    longSession(815, { waitEvent: 'Lock: transactionid', blockedBy: [4711, 0] }),
    longSession(12, { application: 'pg-chatops/backup/A-7', killRefusal: 'own', cancelRefusal: 'own' }),
    longSession(13, { killRefusal: 'superuser', cancelRefusal: 'superuser' }),
  );
  expect(text).toContain('For 5 min or longer: 3 queries running, 1 session idle in transaction');
  expect(text).toContain('13 may not be ended by the bot: a superuser’s session');
  expect(text).not.toContain('12 may not');
  expect(text).toMatch(/ 815 +6 min 40 s \/ 6 min 40 s +blocked by 4711, a prepared transac…/);
  const buttons = blocks.flatMap(block => (block.type === 'actions' ? block.elements : []));
  expect(buttons.map(one => 'value' in one && one.value)).toEqual([
    'A-1042 kill 4711',
    'A-7',
    'A-1042 kill 815 --cancel',
    'A-1042',
    'A-1042 locks',
  ]);
});

const rowsOfButtons = ({ blocks }: View) =>
  blocks
    .flatMap(block => (block.type === 'actions' ? [block.elements.map(one => 'value' in one && one.value)] : []))
    .slice(0, -1);

test('a waiter that holds up others has both buttons, one that only waits none that ends its session', () => {
  const shown = view(longSession(1, { blockedBy: [2] }), longSession(2, { blockedBy: [3] }), longSession(3));
  expect(rowsOfButtons(shown)).toEqual([
    ['A-1042 kill 2', 'A-1042 kill 2 --cancel'],
    ['A-1042 kill 3', 'A-1042 kill 3 --cancel'],
    ['A-1042 kill 1 --cancel'],
  ]);
  expect(shown.text).toContain('2 of 3 long sessions wait for others');
});

test('five rows of buttons leave room on a phone; how to end the others is said', () => {
  const five = [1, 2, 3, 4, 5].map(pid => longSession(pid));
  expect(rowsOfButtons(view(...five))).toHaveLength(5);
  expect(view(...five).text).not.toContain('/db kill');
  const six = view(...five, longSession(6));
  expect(rowsOfButtons(six)).toHaveLength(5);
  expect(six.text).toContain('For those without a button: `/db kill <pid>`');
});

test('10,000 long queries stay within what Slack takes; the file has them all, and nothing in it is a literal', () => {
  const report = judge(manyLong());
  const shown = queriesView({ ...report, target: 'portal', actionId: 'A-1042' });
  expect(refusalOfMessage({ ...shown, blocks: [...shown.blocks] })).toBeUndefined();
  expect(shown.text).not.toContain('<!channel>');
  expect(shown.blocks.find(block => block.type === 'data_table')?.caption).toContain('10 of 10,000');
  const file = queryFile(report)!;
  const content = csv(file.columns, file.rows);
  expect(content.split('\r\n')).toHaveLength(10_002);
  expect(content).not.toContain('never ends');
  expect(queryFile({ sessions: report.sessions.slice(0, 10) })).toBeUndefined();
});
