import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AuditEvent, auditView } from '../../blocks/audit.ts';
import { limits } from '../../blocks/limits.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const hash = 'abcdef0123456789'.repeat(4);

function event(kind: string, body: Record<string, unknown>, seq = 1): AuditEvent {
  return { seq, actionId: 1042, kind, at: Date.UTC(2026, 10, 22, 9, 30), body: JSON.stringify(body), hash };
}

const asked = {
  requester: 'UADA',
  name: 'ada',
  command: 'kill',
  typed: 'kill 4711',
  arguments: { pid: 4711 },
  target: 'portal',
  channel: 'CINCIDENT',
  team: 'T1',
  reason: 'it blocks the deploy',
  risk: 'destructive',
};
const planned = {
  summary: 'terminate backend 4711',
  statement: 'select pg_terminate_backend(4711)',
  plan_sha256: 'f0'.repeat(32),
  approvals_needed: 1,
  expires_at: Date.UTC(2026, 10, 22, 9, 45),
};
const shown = (events: readonly AuditEvent[], first = true) => JSON.stringify(auditView(events, first).blocks);

test('who asked what, on which target, from where, and why', () => {
  const text = shown([event('asked', asked)]);
  for (const part of ['*A-1042*', 'ada (UADA)', '`/db kill 4711`', '`portal`', '<#CINCIDENT>', 'it blocks the deploy'])
    expect(text).toContain(part);
  expect(text).not.toContain('<@');
});

test('what would run, exactly, with the hash of the plan, and until when', () => {
  const text = shown([event('planned', planned)]);
  for (const part of ['terminate backend 4711', '`select pg_terminate_backend(4711)`', planned.plan_sha256, '9:45'])
    expect(text).toContain(part);
});

test('the steps of a plan stand one after the other, none run together with the next', () => {
  const statement = 'pg_dump: a safety backup\nCREATE DATABASE portal_restoring';
  expect(shown([event('planned', { ...planned, statement })])).toContain(
    'runs: `pg_dump: a safety backup; CREATE DATABASE portal_restoring`',
  );
});

test.each([
  ['approved', { by: 'UBEN', name: 'ben', approvals: 1, approvals_needed: 2 }, 'approved by ben (UBEN) (1 of 2)'],
  [
    'approval_refused',
    { by: 'UADA', name: 'ada', why: 'own request' },
    'ada (UADA) clicked, which did not count, and was told: “own request”',
  ],
  [
    'broke_glass',
    { by: 'UDORA', name: 'dora', reason: 'down <!channel>' },
    ':rotating_light: *BREAK-GLASS* by dora (UDORA), without a second person: “down &lt;!channel&gt;”. Every approver is told.',
  ],
  ['denied', { by: 'UCLEO', name: 'cleo', reason: 'not now' }, 'denied by cleo (UCLEO): “not now”. Nothing was done.'],
  ['withdrawn', { by: null, name: null, reason: null }, 'withdrawn. Nothing was done.'],
  ['expired', { by: null, name: null, reason: null }, 'nobody decided in time. Nothing was done.'],
  ['started', {}, 'started'],
  ['cancel_asked', { by: 'UCLEO', name: 'cleo' }, 'cleo (UCLEO) asked it to stop'],
  ['interrupted', { outcome: 'the bot stopped' }, '*interrupted*: the bot stopped'],
  ['refused', { outcome: 'no such backend' }, '*refused*, told: “no such backend”'],
  ['succeeded', { outcome: 'gone', milliseconds: 2_500 }, '*succeeded* after 2.5 s: gone'],
])('%s', (kind, body, said) => {
  expect(shown([event(kind, body)])).toContain(said);
});

test('several events are told in order, each with its place and short hash', () => {
  const view = auditView(
    [
      event('asked', asked, 7),
      event('planned', planned, 8),
      event('approved', { by: 'UBEN', name: 'ben', approvals: 1, approvals_needed: 1 }, 9),
      event('succeeded', { outcome: 'gone', milliseconds: 1 }, 10),
    ],
    true,
  );
  const text = JSON.stringify(view.blocks);
  const places = ['asked', 'waits for', 'approved by', '*succeeded*', '#7 `abcdef012345`'].map(part =>
    text.indexOf(part),
  );
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(view.text).toMatch(/^A-1042 ada \(UADA\) asked .*; waits for approval .*; approved by .*; \*succeeded\*/);
});

test('an event of another minute is told with its time, before its place', () => {
  const [first, second] = [event('asked', asked, 7), event('started', {}, 8)];
  const at = (minutes: number) => ({ ...second, at: first.at + minutes * 60_000 });
  const times = (events: readonly AuditEvent[]) => shown(events).match(/<!date/g)?.length;
  expect(times([first, at(0)])).toBe(1);
  expect(shown([first, at(5)])).toMatch(/9:30.*#7 `\w{12}` · <!date[^>]*9:35[^>]*> · #8 `/);
});

test('the outcome is seen even after ten events of the greatest length', () => {
  const long = '<'.repeat(5_000);
  const events = [
    event('asked', { ...asked, typed: long, reason: long, name: long, target: long }, 1),
    event('planned', { ...planned, summary: long, statement: long }, 2),
    ...Array.from({ length: 7 }, (_, index) =>
      event('approval_refused', { by: 'U', name: long, why: long }, index + 3),
    ),
    event('succeeded', { outcome: `gone${long}`, milliseconds: 1 }, 10),
  ];
  const view = auditView(events, false);
  expect(refusalOfMessage({ text: view.text, blocks: [...view.blocks] })).toBeUndefined();
  expect(JSON.stringify(view.blocks)).toContain('*succeeded* after 1 ms: gone&lt;');
});

test('whatever the record says, Slack takes it, and nobody is pinged by it', () => {
  const hostile = fc.oneof(
    fc.constantFrom('<!channel>', '<@UADA>', '`<!here>`', '&lt;', '*_~`', '\u0000\u202e', '```', '<https://x|y>'),
    fc.string({ unit: 'grapheme', maxLength: 4_000 }),
  );
  const kinds = ['asked', 'planned', 'approved', 'approval_refused', 'denied', 'started', 'failed', 'interrupted', 'x'];
  const keys = [
    'requester',
    'name',
    'typed',
    'target',
    'channel',
    'reason',
    'summary',
    'statement',
    'by',
    'why',
    'outcome',
  ];
  const body = fc.dictionary(fc.constantFrom(...keys), hostile).map(values => ({ ...planned, ...values }));
  const events = fc.array(fc.tuple(fc.constantFrom(...kinds), body), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(events, fc.boolean(), (all, first) => {
      const view = auditView(
        all.map(([kind, values], index) => event(kind, values, index + 1)),
        first,
      );
      expect(refusalOfMessage({ text: view.text, blocks: [...view.blocks] })).toBeUndefined();
      expect(view.text.length).toBeLessThanOrEqual(limits.messageText);
      expect(view.text).not.toMatch(/</);
      expect(JSON.stringify(view.blocks)).not.toMatch(/<(?!#|!date\^\d)/);
    }),
    { numRuns: 300 },
  );
});
