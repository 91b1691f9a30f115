/** Units of pg_settings in bytes, and in milliseconds. https://www.postgresql.org/docs/current/config-setting.html */
const memory: readonly (readonly [string, number])[] = [
  ['TB', 2 ** 40],
  ['GB', 2 ** 30],
  ['MB', 2 ** 20],
  ['kB', 2 ** 10],
  ['B', 1],
];
const time: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/**
 * A setting as PostgreSQL itself writes it, in the largest unit that leaves no remainder: 16384 of 8kB is `128MB`.
 * @param unit as in pg_settings: `8kB`, `min`; null for none.
 */
export function settingValue(value: string, unit: string | null): string {
  const [, factor, name] = /^(\d*)([A-Za-z]+)$/.exec(unit ?? '') ?? [];
  const units = [memory, time].find(all => all.some(([known]) => known === name));
  const amount = Number(value) * Number(factor || 1);
  // 0 and -1 mean something of their own.
  if (!units || !(amount > 0)) return value;
  const size = units.find(([known]) => known === name)?.[1] ?? 1;
  const [largest, of] = units.find(([, one]) => (amount * size) % one === 0) ?? [name, size];
  return `${(amount * size) / of}${largest}`;
}

/** Settings whose value can hold a password, or a command with one. */
const secret = /conninfo|_command$|passphrase|passw|secret|token|credential|private|(?:^|[._])key$/i;

/** Stands for a value that nobody should read in a channel. */
export const notShown = '(set, not shown)';

/** The value, unless it can hold a secret. */
export function shownValue(name: string, value: string, unit: string | null): string {
  return value !== '' && secret.test(name) ? notShown : settingValue(value, unit);
}
