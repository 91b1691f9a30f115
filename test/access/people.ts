import type { Channel } from '../../src/access/channel.ts';
import type { Known } from '../../src/access/known.ts';
import type { Members } from '../../src/access/members.ts';
import type { Person } from '../../src/access/person.ts';

export const homeTeam = 'T0HOME';

/** A full member of the home workspace; each test changes the one fact it is about. */
export function person(id: string, facts: Partial<Person> = {}): Known<Person> {
  const member = {
    id,
    name: id.toLowerCase(),
    teams: [homeTeam],
    guest: false,
    stranger: false,
    bot: false,
    deleted: false,
  };
  return { state: 'known', value: { ...member, ...facts } };
}

export function channel(facts: Partial<Channel> = {}): Known<Channel> {
  return { state: 'known', value: { id: 'C0INCIDENT', external: false, direct: false, ...facts } };
}

export const missing = { state: 'missing' } as const;
export const unanswered = { state: 'unanswered', reason: 'ratelimited' } as const;

export function members(...people: string[]): Members {
  return { people: new Set(people), groups: new Map(), channels: new Set(), unanswered: [] };
}
