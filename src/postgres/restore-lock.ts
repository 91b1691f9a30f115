import { z } from 'zod';
import type { Question } from './question.ts';
import type { Session } from './session.ts';

/**
 * A session-level advisory lock says that whoever makes a database is alive: it is gone with its session, however the
 * bot ended, on whatever host. Advisory locks are of one database, so all take it in the same one.
 * https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 */
const attempt: Question<{ held: boolean }> = {
  name: 'restore_lock',
  sql: `SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('pg-chatops restore ' || $1, 0)) AS held`,
  row: z.object({ held: z.boolean() }),
};

/** @returns whether nobody else held it; then this session does, until it ends. */
export async function holdRestoreLock(session: Session, database: string): Promise<boolean> {
  const [row] = await session.ask(attempt, [database]);
  return row!.held;
}
