/** What Slack says of a person: the flags by which the bot must decide who may ask and who may approve. */
export interface Person {
  name: string;
  realName: string;
  id: string;
  /** The workspace the account belongs to; another than the bot's own for someone who arrives by Slack Connect. */
  teamId: string;
  isRestricted?: boolean;
  isUltraRestricted?: boolean;
  isStranger?: boolean;
  isBot?: boolean;
  isAdmin?: boolean;
  deleted?: boolean;
}

export const TEAM = { id: 'T0000LOCAL', domain: 'local', name: 'Local workspace' } as const;
const PARTNER_TEAM_ID = 'T00PARTNER';
export const BOT = { userId: 'U00000BOT', botId: 'B00000BOT', appId: 'A00000BOT', name: 'db' } as const;

/** The cast of every story: ada asks, ben and cleo approve, dora operates; the other three must be turned away. */
export const DEFAULT_PEOPLE: readonly Person[] = [
  { name: 'ada', realName: 'Ada Lindqvist', id: 'U00000ADA', teamId: TEAM.id },
  { name: 'ben', realName: 'Ben Okafor', id: 'U00000BEN', teamId: TEAM.id },
  { name: 'cleo', realName: 'Cleo Marchetti', id: 'U0000CLEO', teamId: TEAM.id },
  { name: 'dora', realName: 'Dora Petrov', id: 'U0000DORA', teamId: TEAM.id },
  { name: 'gil', realName: 'Gil Tanaka', id: 'U00000GIL', teamId: TEAM.id, isRestricted: true },
  { name: 'mallory', realName: 'Mallory Voss', id: 'U0MALLORY', teamId: PARTNER_TEAM_ID, isStranger: true },
  { name: 'zed', realName: 'Zed Novak', id: 'U00000ZED', teamId: TEAM.id, deleted: true },
];

/** The mark shown beside a person's name on the page, if Slack would show one. */
export function badgeOf(person: Person): 'guest' | 'other workspace' | 'deleted' | undefined {
  if (person.deleted) return 'deleted';
  if (person.isStranger || person.teamId !== TEAM.id) return 'other workspace';
  if (person.isRestricted || person.isUltraRestricted) return 'guest';
  return undefined;
}

/** The user object of users.info; a deleted account loses its role flags, as in Slack (https://docs.slack.dev/reference/objects/user-object). */
export function userObject(person: Person): Record<string, unknown> {
  const profile = { real_name: person.realName, display_name: person.name, team: person.teamId };
  const identity = {
    id: person.id,
    team_id: person.teamId,
    name: person.name,
    deleted: person.deleted ?? false,
    profile,
  };
  if (person.deleted) return { ...identity, is_bot: person.isBot ?? false, is_app_user: false };
  return {
    ...identity,
    real_name: person.realName,
    tz: 'Europe/Stockholm',
    tz_label: 'Central European Time',
    tz_offset: 3600,
    is_admin: person.isAdmin ?? false,
    is_owner: false,
    is_primary_owner: false,
    is_restricted: person.isRestricted ?? false,
    is_ultra_restricted: person.isUltraRestricted ?? false,
    is_bot: person.isBot ?? false,
    is_app_user: false,
    ...(person.isStranger ? { is_stranger: true } : {}),
  };
}
