import { describe, expect, test } from '@jest/globals';
import { channelFrom, internalChannel } from '../../src/access/channel.ts';
import { channel, missing, unanswered } from './people.ts';

const incident = { id: 'C0INCIDENT', name: 'incident' };

describe('what Slack says of a channel', () => {
  test('flags that Slack leaves out are false', () => {
    expect(channelFrom({ ok: true, channel: incident })).toEqual({ id: 'C0INCIDENT', external: false, direct: false });
  });

  test.each([
    ['is_ext_shared', { is_ext_shared: true, is_shared: true }],
    ['an invitation that is not answered yet', { is_pending_ext_shared: true }],
    ['is_shared by an older kind of sharing', { is_shared: true }],
    ['shared inside and outside at once', { is_shared: true, is_org_shared: true, is_ext_shared: true }],
  ])('%s means external', (_how, flags) => {
    expect(channelFrom({ channel: { ...incident, ...flags } }).external).toBe(true);
  });

  test('a channel of several workspaces of one organization is not external', () => {
    expect(channelFrom({ channel: { ...incident, is_shared: true, is_org_shared: true } }).external).toBe(false);
  });

  test.each(['is_im', 'is_mpim'])('%s is a direct message', flag => {
    expect(channelFrom({ channel: { ...incident, [flag]: true } }).direct).toBe(true);
  });

  test.each([[{}], [{ channel: {} }], [{ channel: { ...incident, is_ext_shared: 'no' } }]])(
    '%j is not taken for a channel',
    response => {
      expect(() => channelFrom(response)).toThrow();
    },
  );
});

test('an internal channel passes', () => {
  expect(internalChannel(channel())).toMatchObject({ allowed: true, value: { id: 'C0INCIDENT' } });
});

test.each([
  ['an externally shared channel', channel({ external: true }), /another organization/],
  ['a conversation the bot cannot see', missing, /invite/],
  ['a channel Slack gives no answer about', unanswered, /nothing was decided/],
])('%s does not pass', (_what, where, why) => {
  const unanswered = where.state === 'unanswered';
  expect(internalChannel(where)).toEqual({ allowed: false, why: expect.stringMatching(why), unanswered });
});
