import type { z } from 'zod';

/**
 * A named question to a target: one statement and the shape of its rows. A question never changes anything;
 * it runs in a read-only session.
 */
export interface Question<Row> {
  /** Snake case, shown in logs and metrics: `status`, `backend_by_pid`. */
  readonly name: string;
  /** The statement, or a function of the server's version number (170004 for 17.4) where versions differ. */
  readonly sql: string | ((serverVersion: number) => string);
  readonly row: z.ZodType<Row>;
}

/** Whoever can put questions to one target. Every session is read-only and has time limits. */
export interface Asker {
  /**
   * One round trip. Rows are parsed by the question's schema.
   * @throws UserError when the target does not answer, refuses the connection or denies the privilege; the message
   *   says which, without the connection string.
   */
  ask<Row>(question: Question<Row>, values?: readonly unknown[]): Promise<Row[]>;
  /** `server_version_num` of the target, asked once per connection. */
  version(): Promise<number>;
}
