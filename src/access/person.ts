import { z } from 'zod';
import { type Granted, type Known, type Refusal, refused, remedyFor, unanswered } from './known.ts';

/** What Slack says of a person, as far as access depends on it. */
export interface Person {
  readonly id: string;
  /** As people see it; for the record, never for a decision. */
  readonly name: string;
  /** Workspaces the person is a member of: one, or several of the same Enterprise organization. */
  readonly teams: readonly string[];
  /** A single- or multi-channel guest. */
  readonly guest: boolean;
  /** Someone of another organization, known through a shared channel. */
  readonly stranger: boolean;
  readonly bot: boolean;
  readonly deleted: boolean;
}

const flag = z.boolean().default(false);

/** https://docs.slack.dev/reference/objects/user-object. Slack leaves flags out where they are false. */
const usersInfo = z.object({
  user: z.object({
    id: z.string().min(1),
    name: z.string().default(''),
    profile: z.object({ display_name: z.string().default(''), real_name: z.string().default('') }).default({
      display_name: '',
      real_name: '',
    }),
    team_id: z.string().min(1),
    deleted: flag,
    is_bot: flag,
    is_workflow_bot: flag,
    is_connector_bot: flag,
    is_restricted: flag,
    is_ultra_restricted: flag,
    is_stranger: flag,
    enterprise_user: z.object({ teams: z.array(z.string()).default([]) }).optional(),
  }),
});

/** Slackbot posts reminders that people set, mentions included, and is no bot by its flags. */
const slackbot = 'USLACKBOT';

/**
 * Reads a response of users.info. `is_app_user` is not read: it says that a person has authorized this app, and is
 * true of people.
 * @throws z.ZodError when the response is not one.
 */
export function personFrom(response: unknown): Person {
  const { user } = usersInfo.parse(response);
  return {
    id: user.id,
    name: user.profile.display_name || user.name || user.profile.real_name,
    teams: [...new Set([user.team_id, ...(user.enterprise_user?.teams ?? [])])],
    guest: user.is_restricted || user.is_ultra_restricted,
    stranger: user.is_stranger,
    bot: user.is_bot || user.is_workflow_bot || user.is_connector_bot || user.id === slackbot,
    deleted: user.deleted,
  };
}

/**
 * The person, when a full member of the bot's workspace: the least that anyone needs, to ask or to decide.
 * @param homeTeam the workspace the bot is installed in, from auth.test.
 * @param sentFrom the workspace that the envelope gives for the person, where it gives one.
 */
export function fullMember(person: Known<Person>, homeTeam: string, sentFrom?: string): Granted<Person> | Refusal {
  if (person.state === 'unanswered') {
    return unanswered(
      `Slack did not say who you are (${person.reason}), so nothing was decided and nothing was done. ${remedyFor(person)}`,
    );
  }
  if (person.state === 'missing') {
    return refused(
      'Slack does not know your account in this workspace, and /db is for its members only. Nothing was done.',
    );
  }
  const { teams, stranger, guest, bot, deleted } = person.value;
  if (deleted) return refused('This account is deactivated, so it can no longer use /db. Nothing was done.');
  if (bot) return refused('/db is for people: an app or a workflow can neither ask nor approve. Nothing was done.');
  if (stranger || !teams.includes(homeTeam) || (sentFrom !== undefined && !teams.includes(sentFrom))) {
    return refused(
      'You belong to another workspace, and /db is for members of this one only. Please ask someone of this workspace.',
    );
  }
  if (guest)
    return refused(
      'You are a guest in this workspace, and /db is for its full members. Please ask one of them to do it for you.',
    );
  return { allowed: true, value: person.value };
}
