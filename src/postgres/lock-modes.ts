/**
 * The modes of table locks, each with those that it conflicts with.
 * https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
const all = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];
const conflictsWith: Readonly<Record<string, readonly string[]>> = {
  AccessShareLock: all.slice(7),
  RowShareLock: all.slice(6),
  RowExclusiveLock: all.slice(4),
  ShareUpdateExclusiveLock: all.slice(3),
  ShareLock: [...all.slice(2, 4), ...all.slice(5)],
  ShareRowExclusiveLock: all.slice(2),
  ExclusiveLock: all.slice(1),
  AccessExclusiveLock: all,
};

/** Whether one mode keeps another waiting; a mode of a version to come conflicts. */
export function conflicts(held: string, wanted: string): boolean {
  return conflictsWith[held]?.includes(wanted) ?? true;
}
