/** What a list of ids stands for: people, the members of its user groups, and whoever types in its channels. */
export interface Members {
  readonly people: ReadonlySet<string>;
  /** The people of each user group that Slack answered for. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
  /** Channels whose every full member counts, while typing there. */
  readonly channels: ReadonlySet<string>;
  /** User groups that Slack gave no answer for: they count as nobody, and a refusal says so. */
  readonly unanswered: readonly string[];
}

/** `S…` is a user group, `U…` and `W…` are people. */
export function isUserGroup(id: string): boolean {
  return id.startsWith('S');
}

/** `C…` is a channel, `G…` a private one of the older kind. */
export function isChannel(id: string): boolean {
  return id.startsWith('C') || id.startsWith('G');
}

/** The user groups among these that both people are in. */
export function sharedGroups(members: Members, one: string, other: string): string[] {
  return [...members.groups].filter(([, people]) => people.has(one) && people.has(other)).map(([group]) => group);
}

/** `user group S0DBA` or `user groups S0DBA and S0OPS`, for the sentence that says who could not be found out. */
export function nameGroups(ids: readonly string[]): string {
  return `user group${ids.length === 1 ? '' : 's'} ${ids.join(' and ')}`;
}
