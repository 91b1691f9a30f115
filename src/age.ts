/** A length of time as people type it: `90s`, `30m`, `12h`, `7d`, `4w`. */
export const agePattern = /^(\d{1,4})([smhdw])$/;

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** In milliseconds; `undefined` when it is none. */
export function ageIn(text: string): number | undefined {
  const [, amount, unit] = agePattern.exec(text) ?? [];
  const size = units[unit ?? ''];
  return size === undefined ? undefined : Number(amount) * size;
}
