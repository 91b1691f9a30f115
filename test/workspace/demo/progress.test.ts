import { describe, expect, test } from '@jest/globals';
import { type AuditEvent, auditView } from '../../../blocks/audit.ts';
import type { View } from '../../../blocks/view.ts';
import type { Message } from '../workspace.ts';
import { readTrail } from './audit-trail.ts';
import { type Fresh, outcomeOf } from './progress.ts';

const who = { by: 'U00000BEN', name: 'ben' };
const asking = { requester: 'U00000ADA', name: 'ada', typed: 'kill 4711', target: 'portal', channel: 'C0INCIDENT' };
const bodies = {
  asked: asking,
  planned: { expires_at: 0, approvals_needed: 1, summary: 'terminate', statement: 'select', plan_sha256: 'ab' },
  approved: { ...who, approvals: 1, approvals_needed: 1 },
  approval_refused: { ...who, why: 'own request' },
  denied: { ...who, reason: 'not now' },
  withdrawn: who,
  expired: {},
  started: {},
  interrupted: { outcome: 'nobody knows' },
  succeeded: { outcome: 'gone', milliseconds: 12 },
  failed: { outcome: 'no answer' },
  refused: { outcome: 'no such backend' },
  cancelled: { outcome: 'stopped' },
};

type Kind = keyof typeof bodies;

const audited = (...kinds: Kind[]): Fresh => {
  const events: AuditEvent[] = kinds.map((kind, index) => ({
    seq: index + 1,
    actionId: 1042,
    kind,
    at: 0,
    body: JSON.stringify(bodies[kind]),
    hash: 'cd'.repeat(32),
  }));
  return fresh(auditView(events, kinds.includes('asked')), { inAuditChannel: true });
};

function fresh(
  view: View,
  { isNew = true, inAuditChannel = false, ephemeralFor = undefined as string | undefined } = {},
): Fresh {
  const blocks = view.blocks as unknown as NonNullable<Message['blocks']>;
  const message: Message = { sequence: 1, ts: '1.0', channel: 'C', user: 'U', text: view.text, blocks, ephemeralFor };
  return { message, isNew, inAuditChannel };
}

const said = (text: string, options?: { isNew?: boolean; ephemeralFor?: string }) =>
  fresh({ text, blocks: [] }, options);

describe('the audit channel', () => {
  test.each(Object.keys(bodies).filter(kind => kind !== 'started') as Kind[])('is understood when it says %s', kind => {
    const events = { planned: 'waits', approval_refused: 'not counted' }[kind as string] ?? kind;
    expect(readTrail(audited(kind).message)).toEqual({ action: 'A-1042', events: [events] });
  });

  test('is understood when Slack gave no name, as for a mention', () => {
    const body = JSON.stringify({ ...asking, name: '' });
    const view = auditView([{ seq: 1, actionId: 1042, kind: 'asked', at: 0, body, hash: 'cd'.repeat(32) }], true);
    expect(readTrail(fresh(view).message)?.events).toEqual(['asked']);
  });

  test('is understood when one message says several things', () => {
    expect(readTrail(audited('asked', 'started', 'succeeded').message)?.events).toEqual(['asked', 'succeeded']);
  });
});

describe('a step is over', () => {
  test('when a question was recorded as answered and its answer is there', () => {
    const record = audited('asked', 'started', 'succeeded');
    expect(outcomeOf([record])).toBeUndefined();
    expect(outcomeOf([said('Working on A-1042: /db status'), record])).toBeUndefined();
    expect(outcomeOf([said('A-1042 healthy'), audited('asked')])).toBeUndefined();
    expect(outcomeOf([said('A-1042 healthy'), record])).toEqual({ event: 'succeeded', action: 'A-1042' });
  });

  test('when a request waits and its card is there', () => {
    expect(outcomeOf([said('A-1042 needs approval'), audited('asked', 'planned')])).toMatchObject({ event: 'waits' });
  });

  test('when an approved action has ended and its requester was told, not when the card was edited', () => {
    const record = audited('approved', 'started', 'succeeded');
    const card = said('A-1042 is done', { isNew: false });
    expect(outcomeOf([card, record], 'A-1042')).toBeUndefined();
    expect(outcomeOf([card, said('A-1042 succeeded: gone'), record], 'A-1042')).toMatchObject({ event: 'succeeded' });
    expect(outcomeOf([card, said('A-1042 succeeded: gone'), audited('approved')], 'A-1042')).toBeUndefined();
  });

  test('when the requester withdrew it: then the card says it, and nobody has to be told', () => {
    const card = said('A-1042 was withdrawn', { isNew: false });
    expect(outcomeOf([card, audited('withdrawn')], 'A-1042')).toMatchObject({ event: 'withdrawn' });
  });

  test('when somebody was told why not, with a record or without', () => {
    const whisper = said('There is no command “kil”.', { ephemeralFor: 'U00000ADA' });
    expect(outcomeOf([whisper])).toEqual({ event: 'unrecorded', action: undefined });
    expect(outcomeOf([whisper, audited('asked')])).toBeUndefined();
    expect(outcomeOf([whisper, audited('asked', 'refused')])).toEqual({ event: 'refused', action: 'A-1042' });
    expect(outcomeOf([whisper, audited('approval_refused')], 'A-1042')).toMatchObject({ event: 'not counted' });
  });
});
