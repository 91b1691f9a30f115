/** The people a list of ids stands for, its user groups resolved. */
export interface Members {
  readonly people: ReadonlySet<string>;
  /** User groups that Slack gave no answer for: they count as nobody, and a refusal says so. */
  readonly unanswered: readonly string[];
}

/** `S…` is a user group, `U…` and `W…` are people. */
export function isUserGroup(id: string): boolean {
  return id.startsWith('S');
}

/** `user group S0DBA` or `user groups S0DBA and S0OPS`, for the sentence that says who could not be found out. */
export function nameGroups(ids: readonly string[]): string {
  return `user group${ids.length === 1 ? '' : 's'} ${ids.join(' and ')}`;
}
