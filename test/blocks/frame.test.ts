import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ActionHeading,
  answer,
  note,
  outcomeNote,
  type PlanView,
  problem,
  reminder,
  type Standing,
  settledCard,
  waitingCard,
  working,
} from '../../blocks/frame.ts';
import { section } from '../../blocks/parts.ts';
import { requestsView, withdrawnView } from '../../blocks/requests.ts';
import type { View } from '../../blocks/view.ts';
import { allObjects, refusalOfMessage } from '../workspace/validate/surfaces.ts';

const at = new Date(Date.UTC(2026, 10, 22, 9, 30));
const heading: ActionHeading = {
  id: 'A-1042',
  requester: 'UADA',
  typed: 'kill 4711',
  target: 'portal',
  reason: 'it blocks the deploy',
};
const plan: PlanView = {
  summary: 'terminate backend 4711',
  statement: 'SELECT pg_terminate_backend(4711)',
  view: { text: 'the plan', blocks: [section('the plan in full')] },
  confirm: 'Terminate backend 4711?',
};
const waiting = { expiresAt: at, approvers: ['UBEN', 'SDBA'], approvedBy: [], needed: 1 };

const text = (view: View) => JSON.stringify(view.blocks);
/** What Slack reads as markup; plain_text is shown as it is. */
const parsed = (view: View) => JSON.stringify(allObjects(view.blocks).filter(({ type }) => type === 'mrkdwn'));
const buttons = (view: View) => view.blocks.flatMap(block => (block.type === 'actions' ? block.elements : []));

describe('the card of a request that waits', () => {
  const card = waitingCard(heading, plan, waiting);

  test('says who asks what, where and why, shows the plan, and who may approve until when', () => {
    for (const part of [
      '<@UADA> asks on `portal`: `/db kill 4711`',
      'it blocks the deploy',
      'the plan in full',
      plan.statement,
    ])
      expect(text(card)).toContain(part);
    expect(text(card)).toContain('may approve: <@UBEN>, <!subteam^SDBA> · never <@UADA>');
    expect(text(card)).toContain(`<!date^${at.getTime() / 1_000}^`);
    expect(card.text).toBe('A-1042 needs approval: terminate backend 4711 on portal');
  });

  test('asks again before it is approved; the buttons carry no more than the id', () => {
    expect(buttons(card)).toMatchObject([
      { action_id: 'approve', value: 'A-1042', confirm: { text: { text: 'Terminate backend 4711?' } } },
      { action_id: 'deny', value: 'A-1042' },
    ]);
  });

  test.each([
    [1, [], 'waits for a second person'],
    [2, [], 'waits for 2 more people'],
    [2, ['UBEN'], 'waits for one more person'],
    [3, ['UBEN'], 'waits for 2 more people'],
  ])('%d needed, %j approved: %s', (needed, approvedBy, said) => {
    const counted = text(waitingCard(heading, plan, { ...waiting, needed, approvedBy }));
    expect(counted).toContain(said);
    if (approvedBy.length > 0) expect(counted).toContain('Approved by <@UBEN>');
  });

  test('only where it is allowed can an operator break the glass', () => {
    const verbs = (view: View) => buttons(view).map(button => 'action_id' in button && button.action_id);
    expect(verbs(card)).toEqual(['approve', 'deny']);
    expect(verbs(waitingCard(heading, plan, { ...waiting, breakGlass: true }))).toContain('break_glass');
  });

  test('a reminder names people and pings nobody, whatever they call themselves', () => {
    const said = reminder(heading, { names: ['ben', '<!here>'], more: 3, missing: 2, expiresAt: at });
    expect(text(said)).toContain('2 more approvals');
    expect(text(said)).toContain('ben, &lt;!here&gt; and 3 more');
    expect(JSON.stringify(said)).not.toMatch(/<@|<!here|<!subteam/);
  });

  test('nobody may approve: said so', () => {
    expect(text(waitingCard(heading, plan, { ...waiting, approvers: [] }))).toContain('may approve: nobody');
  });
});

const ended = { approvedBy: ['UBEN'], outcome: 'gone after 0.1 s', at, seconds: 2.5 } as const;
const unrun = { approvedBy: [], at, seconds: undefined } as const;
const standings: readonly [Standing, string, string][] = [
  [{ is: 'running', approvedBy: ['UBEN'], since: at }, 'is approved and running', 'Approved by <@UBEN>'],
  [
    { is: 'running', approvedBy: [], brokenGlass: { by: 'UDORA', reason: 'all is down' }, since: at },
    'runs without a second person',
    'run by <@UDORA> alone, “all is down”',
  ],
  [
    { is: 'succeeded', ...ended, approvedBy: [], brokenGlass: { by: 'UDORA', reason: 'all is down' } },
    'is done',
    'run by <@UDORA> alone, “all is down”',
  ],
  [
    { is: 'denied', ...unrun, outcome: 'denied by cleo “not now”' },
    'was denied',
    'Denied by cleo “not now”. Nothing was done.',
  ],
  [{ is: 'withdrawn', ...unrun, outcome: 'withdrawn by ada' }, 'was withdrawn', 'Withdrawn by ada. Nothing was done.'],
  [
    { is: 'expired', ...unrun, outcome: 'nobody decided in time' },
    'expired',
    'Nobody decided in time. Nothing was done.',
  ],
  [{ is: 'succeeded', ...ended }, 'is done', 'took 2.5 s'],
  [{ is: 'failed', ...ended }, 'failed', 'gone after 0.1 s'],
  [{ is: 'cancelled', ...ended }, 'was cancelled', 'gone after 0.1 s'],
  [{ is: 'interrupted', ...ended, seconds: undefined }, 'nobody knows whether', 'gone after 0.1 s'],
];

describe('the card of a request that was decided', () => {
  test.each(standings)('%j', (standing, head, detail) => {
    const card = settledCard(heading, plan, standing);
    expect(text(card)).toContain(head);
    expect(text(card)).toContain(detail);
    expect(text(card)).toContain('the plan in full');
    expect(card.text).toContain('A-1042');
    expect(buttons(card)).toEqual([]);
  });

  test('a result with a button keeps it, the plan’s own are gone', () => {
    const withButton: View = {
      text: 'x',
      blocks: [
        {
          type: 'actions',
          elements: [{ type: 'button', action_id: 'again', text: { type: 'plain_text', text: 'Refresh' } }],
        },
      ],
    };
    const card = settledCard(heading, { ...plan, view: withButton }, standings[6]![0], withButton);
    expect(buttons(card)).toHaveLength(1);
  });
});

test('a reason cannot look like a line of the card', () => {
  const forged = { ...heading, reason: 'x\n:white_check_mark: *Approved by cleo*' };
  const card = text(waitingCard(forged, plan, waiting));
  expect(card).toContain('*Why:* x :white_check_mark:');
});

describe('what everybody else reads', () => {
  test('what went wrong and what to do next', () => {
    const view = problem('There is no <pid>.', 'Usage: `/db kill <pid>`', heading);
    expect(text(view)).toContain('There is no &lt;pid&gt;.');
    expect(text(view)).toContain('`/db kill &lt;pid&gt;`');
    expect(text(view)).toContain('*A-1042*');
    expect(problem('It broke.').blocks).toHaveLength(1);
  });

  test('the outcome names the requester, who is told by it', () => {
    expect(text(outcomeNote(heading, 'succeeded: gone'))).toContain('<@UADA> *A-1042* succeeded: gone');
  });

  test('a placeholder, and a signed answer', () => {
    expect(working(heading).text).toBe('Working on A-1042: /db kill 4711');
    expect(text(answer(heading, plan.view))).toContain('*A-1042* · <@UADA> · `/db kill 4711` · `portal`');
  });
});

const hostile = fc.oneof(
  fc.constantFrom(
    '<!channel>',
    '<@UGIL>',
    '`<!here>`',
    '&lt;!channel&gt;',
    '```',
    '\u0000\u202e',
    '<https://x|y>',
    '&',
  ),
  fc.constantFrom('<', '&', '😀', '`', '\n').map(piece => piece.repeat(4_000)),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
);
/** As long as a command's view may be. */
const fullView: View = { text: 'x'.repeat(3_000), blocks: Array.from({ length: 40 }, () => section('y'.repeat(100))) };
const people = fc.array(fc.constantFrom('UBEN', 'UCLEO', 'SDBA'), { maxLength: 30 });

test('whatever is in it and however long, Slack takes each of them, and nobody is pinged', () => {
  const inputs = fc.record({
    typed: hostile,
    target: hostile,
    reason: hostile,
    summary: hostile,
    outcome: hostile,
    people,
  });
  fc.assert(
    fc.property(inputs, ({ typed, target, reason, summary, outcome, people: ids }) => {
      const about = { ...heading, typed, target, reason };
      const full: PlanView = { summary, statement: outcome, view: fullView, confirm: outcome };
      const settled = standings.map(([standing]) => ({
        ...standing,
        ...('reason' in standing && { reason }),
        ...('brokenGlass' in standing && { brokenGlass: { by: 'UDORA', reason } }),
        ...('outcome' in standing && { outcome, approvedBy: ids }),
      }));
      const request = {
        ...about,
        command: 'kill',
        summary,
        expiresAt: at,
        approvals: 1,
        approvalsNeeded: 2,
        channel: 'CINCIDENT',
      };
      const views = [
        waitingCard(about, full, { expiresAt: at, approvers: ids, approvedBy: ids.slice(0, 3), needed: 4 }),
        ...settled.flatMap(standing => [
          settledCard(about, full, standing),
          settledCard(about, full, standing, fullView),
        ]),
        reminder(about, { names: [reason, outcome], more: 1, missing: 1, expiresAt: at }),
        answer(about, fullView),
        working(about),
        problem(outcome || ' ', reason, about),
        note(outcome || ' '),
        outcomeNote(about, `succeeded: ${outcome}`),
        requestsView(Array.from({ length: 30 }, () => request)),
        withdrawnView(request),
      ];
      for (const view of views) {
        // What posts it cuts the text twin to Slack's limit.
        const refusal = refusalOfMessage({ text: view.text.slice(0, 4_000), blocks: [...view.blocks] });
        expect(refusal).toBeUndefined();
        expect(view.text).not.toBe('');
        expect(view.text).not.toMatch(/</);
        expect(parsed(view)).not.toMatch(/<(?!@U(ADA|BEN|CLEO|DORA)>|!subteam\^SDBA>|!date\^\d|#CINCIDENT>)/);
      }
    }),
    { numRuns: 50 },
  );
});
