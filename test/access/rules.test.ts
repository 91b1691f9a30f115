import { describe, expect, test } from '@jest/globals';
import { couldAnybodyApprove, mayApprove, mayAsk, mayBreakGlass, mayDeny } from '../../src/access/rules.ts';
import { channel, homeTeam, members, missing, person, unanswered } from './people.ts';

const inIncident = { channel: channel(), homeTeam };
const portal = { name: 'portal', channels: undefined, approvalChannel: undefined };

function refusal(why: RegExp) {
  // Every refusal for want of an answer says so in these words, and no other does.
  const unanswered = /nothing was|did not/i.test(why.source);
  return { allowed: false, why: expect.stringMatching(why), unanswered };
}

describe('asking', () => {
  const adaKills = {
    ...inIncident,
    person: person('U0ADA'),
    target: portal,
    risk: 'destructive' as const,
    needsApproval: true,
    readers: undefined,
    operators: undefined,
  };

  test('every full member may, where no operators are set', () => {
    expect(mayAsk(adaKills)).toEqual({ allowed: true });
  });

  test.each([
    ['gil, a guest', { person: person('U0GIL', { guest: true }) }, /guest/],
    ['mallory, from another workspace', { person: person('U0MALLORY', { teams: ['T0EVIL'] }) }, /another workspace/],
    ['ada in an envelope of another workspace', { sentFrom: 'T0EVIL' }, /another workspace/],
    ['ada in a channel shared with another organization', { channel: channel({ external: true }) }, /organization/],
    ['ada while Slack does not answer', { person: unanswered }, /nothing was decided/],
    ['ada where the channel cannot be looked up', { channel: unanswered }, /nothing was decided/],
  ])('%s may not even read', (_who, facts, why) => {
    expect(mayAsk({ ...adaKills, risk: 'read', needsApproval: false, ...facts })).toEqual(refusal(why));
  });

  test('a target with allowed channels is used from those alone, for reading as well', () => {
    const target = { ...portal, channels: ['C0INCIDENT'] };
    expect(mayAsk({ ...adaKills, target })).toEqual({ allowed: true });
    const elsewhere = { ...adaKills, target, risk: 'read' as const, channel: channel({ id: 'C0RANDOM' }) };
    expect(mayAsk(elsewhere)).toEqual(refusal(/only from C0INCIDENT/));
  });

  test('where operators are set, others may read and no more', () => {
    const operators = members('U0DORA');
    expect(mayAsk({ ...adaKills, operators, person: person('U0DORA') })).toEqual({ allowed: true });
    expect(mayAsk({ ...adaKills, operators, risk: 'read', needsApproval: false })).toEqual({ allowed: true });
    expect(mayAsk({ ...adaKills, operators })).toEqual(refusal(/only its operators/));
    expect(mayAsk({ ...adaKills, operators, risk: 'routine' })).toEqual(refusal(/only its operators/));
  });

  test('where viewers are set, others may not even read', () => {
    const read = { ...adaKills, risk: 'read' as const, needsApproval: false };
    expect(mayAsk({ ...read, readers: members('U0ADA') })).toEqual({ allowed: true });
    expect(mayAsk({ ...read, readers: members('U0DORA') })).toEqual(refusal(/only its viewers/));
    expect(mayAsk({ ...adaKills, readers: members('U0DORA') })).toEqual(refusal(/only its viewers/));
    const silent = { ...members(), unanswered: ['S0STAFF'] };
    expect(mayAsk({ ...read, readers: silent })).toEqual(refusal(/did not answer.*S0STAFF/));
  });

  test('a channel among the operators stands for whoever types in it', () => {
    const operators = { ...members(), channels: new Set(['C0INCIDENT']) };
    expect(mayAsk({ ...adaKills, operators })).toEqual({ allowed: true });
    expect(mayAsk({ ...adaKills, operators, channel: channel({ id: 'C0RANDOM' }) })).toEqual(refusal(/its operators/));
    expect(mayAsk({ ...adaKills, operators, channel: channel({ external: true }) })).toEqual(refusal(/organization/));
  });

  test('no card goes to an approval channel that another organization reads', () => {
    const target = { ...portal, approvalChannel: 'C0APPROVALS' };
    expect(mayAsk({ ...adaKills, target, cardsIn: channel() })).toEqual({ allowed: true });
    expect(mayAsk({ ...adaKills, target, cardsIn: channel({ external: true }) })).toEqual(
      refusal(/C0APPROVALS.*organ/),
    );
    expect(mayAsk({ ...adaKills, target, cardsIn: unanswered })).toEqual(refusal(/nothing was decided/));
  });

  test('an empty list of operators means nobody', () => {
    expect(mayAsk({ ...adaKills, operators: members() })).toEqual(refusal(/only its operators/));
  });

  test('an operators group Slack gives no answer about means no, and says so', () => {
    const operators = { ...members('U0DORA'), unanswered: ['S0DBA'] };
    expect(mayAsk({ ...adaKills, operators })).toEqual(refusal(/did not answer.*S0DBA.*an operator/));
    expect(mayAsk({ ...adaKills, operators, person: person('U0DORA') })).toEqual({ allowed: true });
  });

  test('what needs approval is not asked for where nobody else could see the card', () => {
    const direct = { ...adaKills, channel: channel({ direct: true }) };
    expect(mayAsk(direct)).toEqual(refusal(/nobody else could see it/));
    expect(mayAsk({ ...direct, target: { ...portal, approvalChannel: 'C0APPROVALS' } })).toEqual({ allowed: true });
    expect(mayAsk({ ...direct, risk: 'read', needsApproval: false })).toEqual({ allowed: true });
  });
});

describe('deciding', () => {
  const benClicks = {
    ...inIncident,
    person: person('U0BEN'),
    requester: 'U0ADA',
    approvers: members('U0BEN', 'U0CLEO'),
    otherGroups: false,
  };

  test('an approver may approve and deny', () => {
    expect(mayApprove(benClicks)).toEqual({ allowed: true });
    expect(mayDeny(benClicks)).toEqual({ allowed: true });
  });

  test('nobody approves their own request, approvers included', () => {
    expect(mayApprove({ ...benClicks, requester: 'U0BEN' })).toEqual(refusal(/Nobody is exempt/));
  });

  test('the requester may deny, which withdraws the request', () => {
    expect(mayDeny({ ...benClicks, person: person('U0ADA') })).toEqual({ allowed: true });
  });

  describe.each([
    ['approve', mayApprove],
    ['deny', mayDeny],
  ])('%s', (_decision, may) => {
    test.each([
      ['dora, who is no approver', { person: person('U0DORA') }, /not an approver/],
      ['anybody, when there are no approvers', { approvers: members() }, /not an approver/],
      ['a guest, even if listed', { person: person('U0BEN', { guest: true }) }, /guest/],
      ['someone of another workspace, even if listed', { person: person('U0BEN', { teams: ['T0EVIL'] }) }, /another/],
      ['a deactivated approver', { person: person('U0BEN', { deleted: true }) }, /deactivated/],
      ['a bot, even if listed', { person: person('U0BEN', { bot: true }) }, /for people/],
      ['an approver Slack does not know', { person: missing }, /does not know/],
      ['an approver while Slack does not answer', { person: unanswered }, /nothing was decided/],
      ['an approver in an external channel', { channel: channel({ external: true }) }, /organization/],
      ['an approver in an envelope of another workspace', { sentFrom: 'T0EVIL' }, /another workspace/],
    ])('%s may not', (_who, facts, why) => {
      expect(may({ ...benClicks, ...facts })).toEqual(refusal(why));
    });

    test('a group Slack gives no answer about means no, and says so', () => {
      const approvers = { ...members(), unanswered: ['S0DBA', 'S0OPS'] };
      expect(may({ ...benClicks, approvers })).toEqual(refusal(/user groups S0DBA and S0OPS.*Nothing was decided/));
    });
  });

  test('a channel makes nobody an approver', () => {
    const approvers = { ...members(), channels: new Set(['C0INCIDENT']) };
    expect(mayApprove({ ...benClicks, approvers })).toEqual(refusal(/not an approver/));
  });

  describe('of a requester’s own group', () => {
    const groups = new Map([
      ['S0DBA', new Set(['U0ADA', 'U0BEN'])],
      ['S0OPS', new Set(['U0BEN', 'U0CLEO'])],
    ]);
    const approvers = { ...members('U0ADA', 'U0BEN', 'U0CLEO', 'U0DORA'), groups };
    const other = { ...benClicks, approvers, otherGroups: true };

    test('an approver does not count, where another group has to approve, but may deny', () => {
      expect(mayApprove(other)).toEqual(refusal(/S0DBA like the requester/));
      expect(mayApprove({ ...other, otherGroups: false })).toEqual({ allowed: true });
      expect(mayDeny(other)).toEqual({ allowed: true });
    });

    test('one of another group counts, and one who is named', () => {
      expect(mayApprove({ ...other, person: person('U0CLEO') })).toEqual({ allowed: true });
      expect(mayApprove({ ...other, person: person('U0DORA') })).toEqual({ allowed: true });
    });

    test('a group that Slack gives no answer about may be shared, so nobody counts', () => {
      const silent = { ...approvers, unanswered: ['S0WEB'] };
      expect(mayApprove({ ...other, approvers: silent, person: person('U0CLEO') })).toEqual(
        refusal(/did not answer.*S0WEB.*group/),
      );
      const anyGroup = { ...other, approvers: silent, person: person('U0CLEO'), otherGroups: false };
      expect(mayApprove(anyGroup)).toEqual({ allowed: true });
    });
  });

  test('a requester who has left the workspace cannot withdraw', () => {
    expect(mayDeny({ ...benClicks, person: person('U0ADA', { deleted: true }) })).toMatchObject({ allowed: false });
  });
});

describe('a request nobody could approve', () => {
  const people = new Map([
    ['U0ADA', person('U0ADA')],
    ['U0BEN', person('U0BEN')],
    ['U0CLEO', person('U0CLEO')],
    ['U0GIL', person('U0GIL', { guest: true })],
    ['U0GONE', person('U0GONE', { deleted: true })],
  ]);
  const ask = { target: 'portal', requester: 'U0ADA', people, homeTeam, needed: 1, otherGroups: false };

  test('is one where the target has no approvers', () => {
    expect(couldAnybodyApprove({ ...ask, approvers: members() })).toEqual(refusal(/no approvers.*APPROVERS/));
  });

  test('is one where the requester is the only approver', () => {
    expect(couldAnybodyApprove({ ...ask, approvers: members('U0ADA') })).toEqual(refusal(/without you nobody is left/));
    expect(couldAnybodyApprove({ ...ask, approvers: members('U0ADA', 'U0BEN') })).toEqual({ allowed: true });
  });

  test('is one where only guests, deleted and unknown accounts are left', () => {
    const approvers = members('U0GIL', 'U0GONE', 'U0NEVER');
    expect(couldAnybodyApprove({ ...ask, approvers })).toEqual(refusal(/nobody is left/));
  });

  test('is one where two approvals are needed and one approver is left', () => {
    const two = { ...ask, needed: 2 };
    expect(couldAnybodyApprove({ ...two, approvers: members('U0ADA', 'U0BEN') })).toEqual(refusal(/only 1 .* is left/));
    expect(couldAnybodyApprove({ ...two, approvers: members('U0BEN', 'U0CLEO') })).toEqual({ allowed: true });
  });

  test('is one where all others are in the requester’s own group', () => {
    const groups = new Map([['S0DBA', new Set(['U0ADA', 'U0BEN'])]]);
    const own = { ...ask, approvers: { ...members('U0ADA', 'U0BEN'), groups }, otherGroups: true };
    expect(couldAnybodyApprove(own)).toEqual(refusal(/without you and user group S0DBA.*nobody is left.*others/));
    expect(couldAnybodyApprove({ ...own, otherGroups: false })).toEqual({ allowed: true });
    const approvers = { ...members('U0ADA', 'U0BEN', 'U0CLEO'), groups };
    expect(couldAnybodyApprove({ ...own, approvers })).toEqual({ allowed: true });
    expect(couldAnybodyApprove({ ...own, approvers, needed: 2 })).toEqual(refusal(/only 1/));
    expect(couldAnybodyApprove({ ...own, approvers: { ...approvers, unanswered: ['S0OPS'] } })).toEqual(
      refusal(/nothing was asked/),
    );
  });

  test('is not told from one that Slack gave no answer about, which fails as well', () => {
    const group = { ...members(), unanswered: ['S0DBA'] };
    expect(couldAnybodyApprove({ ...ask, approvers: group })).toEqual(refusal(/nothing was asked.*try again/));
    const silent = new Map([['U0BEN', unanswered]]);
    const approvers = members('U0BEN');
    expect(couldAnybodyApprove({ ...ask, people: silent, approvers })).toEqual(refusal(/nothing was asked.*try again/));
  });
});

describe('running something alone', () => {
  const doraBreaks = {
    ...inIncident,
    person: person('U0DORA'),
    target: 'portal',
    enabled: true,
    operators: members('U0DORA'),
  };

  test('an operator may, where it is allowed', () => {
    expect(mayBreakGlass(doraBreaks)).toEqual({ allowed: true });
  });

  test.each([
    ['where it is off', { enabled: false }, /"break_glass" is off/],
    ['where no operators are set', { operators: undefined }, /"break_glass" is off/],
    ['where the operators are nobody', { operators: members() }, /Only operators/],
    ['ada, who is no operator', { person: person('U0ADA') }, /Only operators/],
    ['an operator who is a guest', { person: person('U0DORA', { guest: true }) }, /guest/],
    ['an operator of another workspace', { person: person('U0DORA', { teams: ['T0EVIL'] }) }, /another workspace/],
    ['an operator whose account is deactivated', { person: person('U0DORA', { deleted: true }) }, /deactivated/],
    ['an operator in a shared channel', { channel: channel({ external: true }) }, /organization/],
    [
      'anyone while Slack does not say who is in the group',
      { operators: { ...members(), unanswered: ['S0OPS'] } },
      /did not answer.*S0OPS/,
    ],
    ['anyone while Slack does not say who it is', { person: unanswered }, /nothing was done/],
  ])('not %s', (_who, facts, why) => {
    expect(mayBreakGlass({ ...doraBreaks, ...facts })).toEqual(refusal(why));
  });
});
