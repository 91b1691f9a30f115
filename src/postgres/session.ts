import type pg from 'pg';
import { z } from 'zod';
import { backendPid, drop, query } from './client.ts';
import { explain, NoAnswer, type Place } from './errors.ts';
import type { Question } from './question.ts';
import { beginWith, type SessionLimits } from './session-settings.ts';

/** A session of its own on a target. */
export interface Session {
  readonly pid: number;
  /** Puts a question; its rows are parsed. */
  ask<Row>(question: Question<Row>, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Runs a statement as it is, for one whose columns only the server knows.
   * @throws TargetError for what an operator can do something about, StatementError (with SQLSTATE) for the rest.
   */
  query(text: string, values?: readonly unknown[]): Promise<Answered>;
}

export interface Answered {
  /** Names of the columns, in order; a name may come twice, then a row holds the last. */
  readonly columns: readonly string[];
  readonly rows: readonly Record<string, unknown>[];
  readonly rowCount: number;
}

export interface SessionOptions extends Partial<Omit<SessionLimits, 'searchPath'>> {
  /**
   * One transaction around the whole work, rolled back when it throws. Needed through PgBouncer in transaction mode,
   * where nothing else keeps statements together.
   */
  readonly transaction?: 'read committed' | 'repeatable read';
  /** Cuts the session when aborted. */
  readonly signal?: AbortSignal;
}

/** What a session needs to know of its target. */
export interface SessionFacts {
  readonly place: Place;
  readonly limits: SessionLimits;
  readonly version: () => Promise<number>;
}

/** What our own clock gives a statement beyond the server's limit for it, milliseconds. */
const grace = 500;

/** The session of an open connection. */
export function sessionOn(client: pg.Client, { place, limits, version }: SessionFacts): Session {
  const within = limits.statementTimeout === 0 ? undefined : limits.statementTimeout + grace;

  async function put(text: string, values: readonly unknown[] = []) {
    return query(client, text, values, within).catch(error => {
      if (error instanceof NoAnswer) drop(client);
      throw explain(error, place);
    });
  }

  return {
    pid: backendPid(client)!,
    ask: async (question, values) => {
      const text = typeof question.sql === 'string' ? question.sql : question.sql(await version());
      return parseRows(question, (await put(text, values)).rows);
    },
    query: async (text, values) => {
      const { fields, rows, rowCount } = await put(text, values);
      return { columns: fields.map(field => field.name), rows, rowCount: rowCount ?? 0 };
    },
  };
}

/** Runs the work in one transaction; what it throws rolls back. */
export async function inTransaction<Result>(
  session: Session,
  limits: SessionLimits,
  isolation: 'read committed' | 'repeatable read',
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const [begin, limit] = beginWith(limits, isolation);
  await session.query(begin);
  const { rows } = await session.query(limit);
  // PgBouncer makes up a pid when a client connects; the server's own is known only inside a transaction.
  const { pid } = z.object({ pid: z.int() }).parse(rows[0]);
  try {
    const result = await work({ ...session, pid });
    await session.query('COMMIT');
    return result;
  } catch (error) {
    // Where the session itself is gone, the server has rolled back already.
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** @throws Error, a defect of ours, when the rows are not what the question says. */
export function parseRows<Row>(question: Question<Row>, rows: unknown[]): Row[] {
  const parsed = z.array(question.row).safeParse(rows);
  if (parsed.success) return parsed.data;
  throw new Error(`the answer to ${question.name} has not its shape: ${z.prettifyError(parsed.error)}`);
}
