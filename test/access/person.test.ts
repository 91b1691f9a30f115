import { describe, expect, test } from '@jest/globals';
import { fullMember, personFrom } from '../../src/access/person.ts';
import { homeTeam, missing, person, unanswered } from './people.ts';

const ada = { id: 'U0ADA', team_id: homeTeam, name: 'ada' };

describe('what Slack says of a person', () => {
  test('flags that Slack leaves out are false', () => {
    expect(personFrom({ ok: true, user: ada })).toEqual({
      id: 'U0ADA',
      name: 'ada',
      teams: [homeTeam],
      guest: false,
      stranger: false,
      bot: false,
      deleted: false,
    });
  });

  test.each([
    ['is_restricted', 'guest'],
    ['is_ultra_restricted', 'guest'],
    ['is_stranger', 'stranger'],
    ['is_bot', 'bot'],
    ['is_workflow_bot', 'bot'],
    ['is_connector_bot', 'bot'],
    ['deleted', 'deleted'],
  ])('%s is read as %s', (flag, fact) => {
    expect(personFrom({ user: { ...ada, [flag]: true } })).toHaveProperty(fact, true);
  });

  test('Slackbot, which repeats what a reminder says, is a bot although no flag says so', () => {
    expect(personFrom({ user: { ...ada, id: 'USLACKBOT', is_bot: false } }).bot).toBe(true);
  });

  test('someone who has authorized the app (is_app_user) is a person', () => {
    expect(personFrom({ user: { ...ada, is_app_user: true } }).bot).toBe(false);
  });

  test('an Enterprise member belongs to each of their workspaces', () => {
    const user = { ...ada, team_id: 'T0OTHER', enterprise_user: { teams: ['T0OTHER', homeTeam] } };
    expect(personFrom({ user }).teams).toEqual(['T0OTHER', homeTeam]);
  });

  test.each([[{}], [{ user: {} }], [{ user: { id: 'U0ADA' } }], [{ user: { ...ada, deleted: 'no' } }], [null], ['ok']])(
    '%j is not taken for a person',
    response => {
      expect(() => personFrom(response)).toThrow();
    },
  );
});

describe('full members of the home workspace', () => {
  test('ada is one', () => {
    expect(fullMember(person('U0ADA'), homeTeam)).toMatchObject({ allowed: true, value: { id: 'U0ADA' } });
  });

  test.each([
    ['a guest', person('U0GIL', { guest: true }), /guest/],
    ['mallory of another workspace', person('U0MALLORY', { teams: ['T0EVIL'] }), /another workspace/],
    ['a stranger from a shared channel', person('U0MALLORY', { stranger: true }), /another workspace/],
    ['a bot', person('U0BOT', { bot: true }), /for people/],
    ['a deactivated account', person('U0GONE', { deleted: true }), /deactivated/],
    ['someone Slack does not know', missing, /does not know/],
    ['someone Slack gives no answer about', unanswered, /nothing was decided.*try again/],
  ])('%s is not one', (_who, someone, why) => {
    const unanswered = someone.state === 'unanswered';
    expect(fullMember(someone, homeTeam)).toEqual({ allowed: false, why: expect.stringMatching(why), unanswered });
  });

  test('an envelope from a workspace the person is not in is refused, whatever users.info says', () => {
    expect(fullMember(person('U0ADA'), homeTeam, 'T0EVIL')).toMatchObject({ allowed: false });
    expect(fullMember(person('U0ADA'), homeTeam, homeTeam)).toMatchObject({ allowed: true });
  });

  test('an Enterprise member may send from another of their workspaces', () => {
    const someone = person('U0ADA', { teams: ['T0OTHER', homeTeam] });
    expect(fullMember(someone, homeTeam, 'T0OTHER')).toMatchObject({ allowed: true });
  });
});
