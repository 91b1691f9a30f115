import { UserError } from '../errors.ts';
import { StatementError } from '../postgres/errors.ts';

/**
 * What the server refuses while a restore works is a fact of the server, such as a full disk (53100) or a damaged page
 * (XX001), and no defect of ours.
 *
 * @returns undefined for anything else than a refusal.
 */
export function inWords(error: unknown): UserError | undefined {
  if (error instanceof UserError) return error;
  if (!(error instanceof StatementError)) return undefined;
  return new UserError(`The server says: ${error.message}.`, {
    ...((error.hint ?? error.detail) !== undefined && { hint: error.hint ?? error.detail! }),
    cause: error,
  });
}
