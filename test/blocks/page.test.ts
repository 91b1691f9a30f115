import { expect, test } from '@jest/globals';
import { limits } from '../../blocks/limits.ts';
import { type PageFacts, type PageFinding, page, pageOutcome } from '../../blocks/page.ts';
import { table } from '../../blocks/table.ts';

const quiet: PageFacts = {
  subject: 'Vacuum',
  target: 'portal',
  actionId: 'A-1042',
  findings: [],
  lines: [['Oldest snapshot', 'none is held']],
};

const kill: PageFinding = {
  severity: 'critical',
  text: 'pid 4711 holds back <everything>',
  advice: 'End the session: `/db kill 4711`',
  step: { text: 'Kill 4711', line: 'kill 4711' },
};

function buttons({ blocks }: ReturnType<typeof page>) {
  return blocks.flatMap(block => (block.type === 'actions' ? block.elements : []));
}

test('where nothing is wrong, the first line says so and the numbers follow', () => {
  const view = page(quiet);
  expect(view.text).toBe('🟢 Vacuum on portal: all well\nOldest snapshot: none is held');
  expect(view.blocks.map(({ type }) => type)).toEqual(['header', 'section', 'actions']);
  expect(pageOutcome(quiet.findings)).toBe('healthy');
});

test('a finding comes with what to do about it, in words and as a button that leads there', () => {
  const view = page({ ...quiet, findings: [kill, { ...kill, text: 'and another of it' }] });
  expect(view.text.split('\n').slice(0, 4)).toEqual([
    '🔴 Vacuum on portal: critical',
    '🔴 pid 4711 holds back &lt;everything&gt;',
    '🔴 and another of it',
    '→ End the session: `/db kill 4711`',
  ]);
  expect(buttons(view)).toMatchObject([
    { action_id: 'again', value: 'A-1042' },
    { action_id: 'next', value: 'A-1042 kill 4711', text: { text: 'Kill 4711' } },
  ]);
  expect(pageOutcome([kill, kill])).toBe('critical: pid 4711 holds back <everything>, and 1 more');
});

test('many findings are counted, and each action_id is there once', () => {
  const findings = Array.from({ length: 9 }, (_, index) => ({
    ...kill,
    text: `reason ${index}`,
    step: { text: `Kill ${index}`, line: `kill ${index}` },
  }));
  const view = page({ ...quiet, findings });
  expect(view.text).toContain('🔴 reason 4\nand 4 more\n');
  expect(view.text).not.toContain('reason 5');
  const ids = buttons(view).map(element => ('action_id' in element ? element.action_id : ''));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toHaveLength(5);
});

test('steps below the table are numbered in their order, and the small print is last', () => {
  const { text } = page({
    ...quiet,
    table: table([{ title: 'What' }], [['<wal>']], { caption: 'Largest', top: 10 }),
    steps: { title: 'To free space', items: ['first', 'second'] },
    notes: ['only this database'],
  });
  expect(text.endsWith('Largest\nWhat\n&lt;wal&gt;\nTo free space\n1. first\n2. second\nonly this database')).toBe(
    true,
  );
});

test('the longest of everything stays within what Slack takes, and pings nobody', () => {
  const nasty = '<!channel>&`*'.repeat(60);
  const view = page({
    ...quiet,
    target: nasty,
    findings: Array.from({ length: 30 }, () => ({ ...kill, text: nasty })),
    table: table(
      [{ title: 'What' }],
      Array.from({ length: 30 }, () => [nasty]),
      { caption: nasty, top: 10 },
    ),
  });
  expect(view.text).not.toMatch(/[<>]/);
  expect(view.text.length).toBeLessThanOrEqual(limits.messageText);
  expect(JSON.stringify(view.blocks).length).toBeLessThan(limits.textInMessage);
  for (const block of view.blocks) {
    if (block.type === 'section') expect(block.text?.text).not.toMatch(/[<>]/);
  }
});
