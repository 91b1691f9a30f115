import { createHash } from 'node:crypto';

/** SHA-256 of a plan's canonical text, hexadecimal: by it the record names the plan that was shown and the one that ran. */
export function planHash(plan: string): string {
  return createHash('sha256').update(plan).digest('hex');
}
