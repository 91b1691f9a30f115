import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type KillFacts,
  type KillResult,
  killCard,
  killConfirm,
  killOutcome,
  killResultView,
  killSummary,
} from '../../blocks/kill.ts';
import { limits } from '../../blocks/limits.ts';
import type { View } from '../../blocks/view.ts';

const facts: KillFacts = {
  condition: { pid: 4711, mode: 'terminate' },
  backend: {
    user: 'portal',
    database: 'portal',
    application: 'nightly-report',
    client: '10.0.0.7',
    state: 'idle in transaction',
    waitEvent: 'Client: ClientRead',
    stateChange: '2026-11-22T09:00:00.000001Z',
    stateSeconds: 252,
    transactionStart: '2026-11-22T08:59:00.123456Z',
    transactionSeconds: 312,
    queryStart: '2026-11-22T08:59:59.000000Z',
    hasWritten: true,
    query: 'update orders set total = ? where id = ?',
  },
  blocks: [{ pid: 4712, user: 'portal', application: 'portal-bff', seconds: 240 }],
  blockedBy: [{ pid: 0, user: null, application: null, seconds: null }],
  warnings: ['It has been idle in its transaction for long.'],
  statement: 'SELECT pg_catalog.pg_terminate_backend(a.pid) AS signalled',
};
const cancel: KillFacts = { ...facts, condition: { pid: 4711, mode: 'cancel' } };
const result: KillResult = {
  outcome: 'gone',
  seconds: 0.012,
  state: null,
  waitEvent: null,
  released: [],
  stillWaiting: [],
};

const shown = (view: View) => JSON.stringify(view.blocks);

describe('the card of /db kill', () => {
  test('says who, what, whom it blocks, and the effect; the statement is for the frame to show', () => {
    const card = killCard(facts);
    for (const part of [
      'Terminate backend 4711?',
      'nightly-report',
      '10.0.0.7',
      '4 min 12 s',
      '*has written*',
      '4712',
      'a prepared transaction',
      facts.backend.query,
      'is rolled back',
      'idle in its transaction',
    ]) {
      expect(shown(card)).toContain(part);
    }
    expect(shown(card)).not.toContain(facts.statement);
    expect(card.text.split('\n')[0]).toBe('Terminate backend 4711?');
    expect(killSummary(facts)).toBe('terminate backend 4711 (nightly-report)');
    expect(killConfirm(facts)).toBe('Terminate backend 4711 (nightly-report)? Its open transaction is rolled back.');
  });

  test('a cancel leaves the connection, and the effect tells of the transaction around the query', () => {
    expect(shown(killCard(cancel))).toContain('can only be rolled back by its client. The connection stays.');
    const alone = { ...cancel, backend: { ...cancel.backend, queryStart: cancel.backend.transactionStart } };
    expect(shown(killCard(alone))).toContain('what it did is undone');
    expect(killSummary(cancel)).toBe('cancel the query of backend 4711 (nightly-report)');
  });

  test('without a transaction nothing is rolled back', () => {
    const idle = { ...facts, backend: { ...facts.backend, transactionStart: null } };
    expect(shown(killCard(idle))).toContain('No transaction is open');
  });

  test('no name or query from the database acts as markup, nothing breaks a limit', () => {
    const hostile = fc.oneof(
      fc.string({ maxLength: 3_000 }),
      fc.constantFrom('<!channel>', '`*_~<@U1>|&', '<https://mallory.example|click>'),
    );
    fc.assert(
      fc.property(hostile, hostile, (name, query) => {
        const other = { pid: 1, user: name, application: name, seconds: 1 };
        const backend = {
          ...facts.backend,
          user: name,
          database: name,
          application: name,
          client: name,
          waitEvent: name,
          query,
        };
        const all = { ...facts, backend, blocks: Array(200).fill(other), blockedBy: [other], warnings: [name] };
        const card = killCard(all);
        expect(markup(card)).not.toMatch(/<(?!!date\^)/);
        expect(card.text).not.toMatch(/<(?!!date\^)/);
        expect(card.blocks.length).toBeLessThanOrEqual(limits.blocksInCommandView);
        expect(killConfirm(all).length).toBeLessThanOrEqual(limits.confirmText);
      }),
    );
  });
});

/** All text of a view that Slack reads as mrkdwn. */
function markup(view: View): string {
  const texts: string[] = [];
  JSON.stringify(view.blocks, (_key, value) => {
    if (value?.type === 'mrkdwn') texts.push(value.text);
    return value;
  });
  return texts.join('\n');
}

describe('what happened', () => {
  test('gone, with those it released and one who waits on', () => {
    const view = killResultView(facts, {
      ...result,
      released: facts.blocks,
      stillWaiting: [{ pid: 4713, behind: [4712] }],
    });
    expect(view.text).toBe(
      'Backend 4711 is gone, after 12 ms.\nIt released 1 session: 4712 (`portal-bff`, 4 min).\n4713 still waits, behind 4712.',
    );
    expect(shown(view)).toContain(':white_check_mark:');
  });

  test('still there: nobody is told to use kill -9', () => {
    const view = killResultView(facts, {
      ...result,
      outcome: 'still-there',
      seconds: 5,
      state: 'active',
      waitEvent: 'IO: DataFileRead',
    });
    expect(view.text).toContain('still there 5 s after the signal. Nothing more is done.');
    expect(view.text).toContain('Never `kill -9` it');
    expect(shown(view)).toContain(':warning:');
  });

  test('a cancel that did not take leads to a terminate with an approval of its own', () => {
    const view = killResultView(cancel, { ...result, outcome: 'still-there', seconds: 5, state: 'active' });
    expect(view.text).toContain('`/db kill 4711` ends the connection itself; that needs an approval of its own');
    expect(killOutcome(4711, 'cancel', { ...result, outcome: 'still-there', seconds: 5 })).toBe(
      'The query of backend 4711 still runs 5 s after the cancel.',
    );
  });

  test('a cancelled query whose transaction holds its locks on', () => {
    const view = killResultView(cancel, { ...result, outcome: 'stopped', state: 'idle in transaction (aborted)' });
    expect(view.text).toContain('keeps its locks until the client rolls back');
  });
});
