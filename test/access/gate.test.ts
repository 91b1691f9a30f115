import { describe, expect, test } from '@jest/globals';
import { Directory } from '../../src/access/directory.ts';
import { Gate } from '../../src/access/gate.ts';
import { homeTeam } from './people.ts';

/** A Slack whose facts a test may change between questions; `calls` counts what it was asked. */
function slack() {
  const users = new Map<string, object>(
    ['U0ADA', 'U0BEN', 'U0CLEO', 'U0DORA'].map(id => [id, { id, team_id: homeTeam }]),
  );
  const channels = new Map<string, object>([['C0INCIDENT', { id: 'C0INCIDENT' }]]);
  const groups = new Map<string, string[]>([['S0DBA', ['U0BEN']]]);
  const calls: string[] = [];
  const failures = new Map<string, unknown>();
  const answer = async (name: string, body: unknown, error: string): Promise<unknown> => {
    calls.push(name);
    if (failures.has(name)) throw failures.get(name);
    if (body === undefined) throw refusedBySlack(error);
    return { ok: true, ...(body as object) };
  };
  const found = <Value>(key: string, value: Value | undefined) => (value === undefined ? undefined : { [key]: value });
  return {
    users,
    channels,
    groups,
    calls,
    failures,
    usersInfo: (id: string) => answer(id, found('user', users.get(id)), 'user_not_found'),
    conversationInfo: (id: string) => answer(id, found('channel', channels.get(id)), 'channel_not_found'),
    usergroupMembers: (id: string) => answer(id, found('users', groups.get(id)), 'no_such_subteam'),
  };
}

function refusedBySlack(error: string) {
  return Object.assign(new Error(`An API error occurred: ${error}`), { data: { ok: false, error } });
}

const portal = {
  name: 'portal',
  channels: undefined,
  approvalChannel: undefined,
  approvers: ['S0DBA'],
  viewers: undefined,
  operators: undefined,
  approvals: { default: 1 },
  approversFromOtherGroups: false,
  breakGlass: false,
};
const kill = { risk: 'destructive', needsApproval: true } as const;
const ada = { user: 'U0ADA', channel: 'C0INCIDENT' };
const ben = { user: 'U0BEN', channel: 'C0INCIDENT', team: homeTeam };

function start() {
  const workspace = slack();
  const clock = { now: 0 };
  const directory = new Directory(workspace, () => clock.now);
  return { workspace, clock, directory, gate: new Gate(directory, homeTeam) };
}

describe('the directory', () => {
  test('remembers an answer for less than a minute', async () => {
    const { workspace, clock, directory } = start();
    await directory.members(['S0DBA']);
    clock.now = 59_999;
    await directory.members(['S0DBA']);
    expect(workspace.calls).toEqual(['S0DBA']);
    clock.now = 60_000;
    await directory.members(['S0DBA']);
    expect(workspace.calls).toEqual(['S0DBA', 'S0DBA']);
  });

  test('asks afresh when told to, and remembers the newer answer', async () => {
    const { workspace, directory } = start();
    await directory.members(['S0DBA']);
    workspace.groups.set('S0DBA', ['U0CLEO']);
    expect((await directory.members(['S0DBA'], { fresh: true })).people).toEqual(new Set(['U0CLEO']));
    expect((await directory.members(['S0DBA'])).people).toEqual(new Set(['U0CLEO']));
  });

  test('asks once for many who ask at the same time', async () => {
    const { workspace, directory } = start();
    await Promise.all(Array.from({ length: 200 }, () => directory.person('U0ADA')));
    expect(workspace.calls).toEqual(['U0ADA']);
  });

  test('does not remember that Slack gave no answer', async () => {
    const { workspace, directory } = start();
    workspace.failures.set('U0ADA', refusedBySlack('ratelimited'));
    expect(await directory.person('U0ADA')).toEqual({ state: 'unanswered', reason: 'ratelimited' });
    workspace.failures.clear();
    expect(await directory.person('U0ADA')).toMatchObject({ state: 'known' });
  });

  test('takes people as they are and groups by their members', async () => {
    const { directory } = start();
    const { people } = await directory.members(['U0CLEO', 'W0GRID', 'S0DBA']);
    expect(people).toEqual(new Set(['U0CLEO', 'W0GRID', 'U0BEN']));
  });

  test.each(['no_such_subteam', 'plan_upgrade_required'])('a group that cannot be (%s) adds nobody', async error => {
    const { workspace, directory } = start();
    workspace.failures.set('S0GONE', refusedBySlack(error));
    expect(await directory.members(['U0CLEO', 'S0GONE'])).toEqual({
      people: new Set(['U0CLEO']),
      groups: new Map([['S0GONE', new Set()]]),
      channels: new Set(),
      unanswered: [],
    });
  });

  test('an answer about someone else is no answer', async () => {
    const { workspace, directory } = start();
    workspace.users.set('U0GIL', { id: 'U0ADA', team_id: homeTeam });
    workspace.channels.set('C0OTHER', { id: 'C0INCIDENT' });
    expect(await directory.person('U0GIL')).toEqual({ state: 'unanswered', reason: 'its answer could not be read' });
    expect(await directory.channel('C0OTHER')).toMatchObject({ state: 'unanswered' });
  });

  test('a body that says ok: false, and an error that is none of Slack’s, are told without quoting them', async () => {
    const { workspace, directory } = start();
    const { usersInfo: _asked, ...others } = workspace;
    const refusing = new Directory(
      { ...others, usersInfo: async () => ({ ok: false, error: 'missing_scope' }) },
      () => 0,
    );
    expect(await refusing.person('U0ADA')).toEqual({ state: 'unanswered', reason: 'missing_scope' });
    workspace.failures.set('U0ADA', new Error('connect ECONNREFUSED with token xoxb-secret'));
    expect(await directory.person('U0ADA')).toEqual({ state: 'unanswered', reason: 'it could not be reached' });
    workspace.failures.set('U0ADA', { data: { error: 'XOXB-1 secret' } });
    expect(JSON.stringify(await directory.person('U0ADA'))).not.toContain('secret');
  });
});

describe('the gate', () => {
  test('ada asks, ben of the group approves, dora may not', async () => {
    const { gate } = start();
    expect(await gate.mayAsk(ada, portal, kill)).toEqual({ allowed: true });
    expect(await gate.couldAnybodyApprove('U0ADA', portal, 'kill')).toEqual({ allowed: true });
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toEqual({ allowed: true });
    expect(await gate.mayApprove({ ...ben, user: 'U0DORA' }, portal, 'U0ADA')).toMatchObject({ allowed: false });
    expect(await gate.mayDeny(ada, portal, 'U0ADA')).toEqual({ allowed: true });
  });

  test('ben leaves the group and his next click counts for nothing, although the answer is remembered', async () => {
    const { workspace, gate } = start();
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toEqual({ allowed: true });
    workspace.groups.set('S0DBA', ['U0CLEO']);
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toMatchObject({ allowed: false });
    expect(await gate.mayDeny(ben, portal, 'U0ADA')).toMatchObject({ allowed: false });
  });

  test('ben is deactivated, or the channel becomes shared, between ask and click', async () => {
    const { workspace, gate } = start();
    await gate.mayAsk(ben, portal, kill);
    workspace.users.set('U0BEN', { id: 'U0BEN', team_id: homeTeam, deleted: true });
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toMatchObject({ why: expect.stringMatching(/deactivated/) });
    workspace.users.set('U0BEN', { id: 'U0BEN', team_id: homeTeam });
    workspace.channels.set('C0INCIDENT', { id: 'C0INCIDENT', is_ext_shared: true });
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toMatchObject({ why: expect.stringMatching(/organization/) });
  });

  test('ada loses her part between ask and approval, which shows when she is asked about afresh', async () => {
    const { workspace, gate } = start();
    const target = { ...portal, operators: ['S0OPS'] };
    workspace.groups.set('S0OPS', ['U0ADA']);
    expect(await gate.mayAsk(ada, target, kill)).toEqual({ allowed: true });
    workspace.groups.set('S0OPS', []);
    expect(await gate.mayAsk(ada, target, kill, { fresh: true })).toMatchObject({ allowed: false });
  });

  test.each(['U0BEN', 'C0INCIDENT', 'S0DBA'])('no answer about %s means no approval', async id => {
    const { workspace, gate } = start();
    workspace.failures.set(id, refusedBySlack('internal_error'));
    expect(await gate.mayApprove(ben, portal, 'U0ADA')).toMatchObject({
      allowed: false,
      why: expect.stringMatching(/nothing was decided/i),
    });
  });

  test('ben joins ada’s group and his next click counts for nothing, although the answer is remembered', async () => {
    const { workspace, gate } = start();
    workspace.groups.set('S0WEB', ['U0ADA']);
    const target = { ...portal, approvers: ['S0DBA', 'S0WEB'], approversFromOtherGroups: true };
    expect(await gate.mayApprove(ben, target, 'U0ADA')).toEqual({ allowed: true });
    workspace.groups.set('S0WEB', ['U0ADA', 'U0BEN']);
    expect(await gate.mayApprove(ben, target, 'U0ADA')).toMatchObject({ why: expect.stringMatching(/S0WEB/) });
    expect(await gate.mayApprove(ben, { ...target, approversFromOtherGroups: false }, 'U0ADA')).toEqual({
      allowed: true,
    });
  });

  test('dora leaves the operators and can no longer run anything alone', async () => {
    const { workspace, gate } = start();
    workspace.groups.set('S0OPS', ['U0DORA']);
    const dora = { ...ben, user: 'U0DORA' };
    const target = { ...portal, operators: ['S0OPS'], breakGlass: true };
    expect(await gate.mayBreakGlass(dora, target)).toEqual({ allowed: true });
    expect(await gate.mayBreakGlass(dora, { ...target, breakGlass: false })).toMatchObject({ allowed: false });
    workspace.groups.set('S0OPS', []);
    expect(await gate.mayBreakGlass(dora, target)).toMatchObject({ allowed: false });
  });

  test('viewers, operators and approvers may read, others not', async () => {
    const { gate } = start();
    const target = { ...portal, viewers: ['U0CLEO'], operators: ['U0DORA'] };
    const reads = (user: string) => gate.mayAsk({ ...ada, user }, target, { risk: 'read', needsApproval: false });
    for (const user of ['U0CLEO', 'U0DORA', 'U0BEN']) expect(await reads(user)).toEqual({ allowed: true });
    expect(await reads('U0ADA')).toMatchObject({ allowed: false });
    expect(await gate.mayAsk({ ...ada, user: 'U0CLEO' }, target, kill)).toMatchObject({ allowed: false });
  });

  test('a command can need more approvals than the others of its target', async () => {
    const { gate } = start();
    const target = { ...portal, approvals: { default: 1, kill: 2 } };
    expect(await gate.couldAnybodyApprove('U0ADA', target, 'backup')).toEqual({ allowed: true });
    expect(await gate.couldAnybodyApprove('U0ADA', target, 'kill')).toMatchObject({ allowed: false });
    expect(await gate.couldAnybodyApprove('U0ADA', target, 'toString')).toEqual({ allowed: true });
  });

  test('who is to be reminded, by name, and who is to be told of a broken glass', async () => {
    const { workspace, gate } = start();
    workspace.groups.set('S0DBA', ['U0ADA', 'U0BEN', 'U0CLEO', 'U0DORA']);
    workspace.users.set('U0DORA', { id: 'U0DORA', team_id: homeTeam, deleted: true });
    const ids = (found: { people: readonly { id: string }[] }) => found.people.map(each => each.id);
    expect(ids(await gate.possibleApprovers('U0ADA', portal, 8))).toEqual(['U0BEN', 'U0CLEO']);
    expect(await gate.possibleApprovers('U0ADA', portal, 1)).toMatchObject({ people: [{ id: 'U0BEN' }], more: 2 });
    const barred = { ...portal, approversFromOtherGroups: true };
    expect(ids(await gate.possibleApprovers('U0ADA', barred, 8))).toEqual([]);
    expect(ids(await gate.approversBut('U0BEN', barred))).toEqual(['U0ADA', 'U0CLEO']);
    workspace.failures.set('S0DBA', refusedBySlack('internal_error'));
    expect(await gate.approversBut('U0BEN', portal)).toMatchObject({ complete: false });
  });

  test('an envelope of another workspace is refused', async () => {
    const { gate } = start();
    expect(await gate.mayApprove({ ...ben, team: 'T0EVIL' }, portal, 'U0ADA')).toMatchObject({ allowed: false });
  });

  test('a deleted approver does not stop a request that another can approve', async () => {
    const { workspace, gate } = start();
    workspace.users.set('U0BEN', { id: 'U0BEN', team_id: homeTeam, deleted: true });
    const target = { ...portal, approvers: ['U0NEVER', 'S0DBA', 'U0CLEO'] };
    expect(await gate.couldAnybodyApprove('U0ADA', target, 'kill')).toEqual({ allowed: true });
    expect(await gate.couldAnybodyApprove('U0CLEO', target, 'kill')).toMatchObject({ allowed: false });
  });

  test('of a large group only as many are looked up as it takes', async () => {
    const { workspace, gate } = start();
    const staff = Array.from({ length: 300 }, (_, index) => `U0STAFF${index}`);
    for (const id of staff) workspace.users.set(id, { id, team_id: homeTeam });
    workspace.groups.set('S0DBA', staff);
    expect(await gate.couldAnybodyApprove('U0ADA', portal, 'kill')).toEqual({ allowed: true });
    expect(workspace.calls.length).toBeLessThan(10);
  });
});
