/**
 * The two kinds of error. A `UserError` is written for the person who typed: what happened and what to do about it.
 * Everything else is a defect or an outage of ours: the person gets a reference, the log gets the cause.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** What the person can do next, as one sentence; shown below the message. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/** A fact of an approved plan no longer holds; nothing was done. The message says which fact and how it changed. */
export class ConditionChanged extends UserError {
  override readonly name = 'ConditionChanged';
}

/** An `assertNever` for the end of a switch: the compiler shows the forgotten case. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
