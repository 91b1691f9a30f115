/**
 * The action that a backend dumps for, where it is a backup of the bot. The name alone proves nothing, anyone can set
 * it: the pid must be one of the bot's own.
 */
export function backupOf(
  { pid, application }: { readonly pid: number; readonly application: string | null },
  ownPids: ReadonlySet<number>,
): string | undefined {
  const id = /^pg-chatops\/backup\/(A-\d+)$/.exec(application ?? '')?.[1];
  return ownPids.has(pid) ? id : undefined;
}
