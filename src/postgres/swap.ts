import pg from 'pg';
import { z } from 'zod';
import { ConditionChanged, UserError } from '../errors.ts';
import { sqlState } from './errors.ts';
import type { Session } from './session.ts';
import { conditionState, lastReport, type Swap, swapReport, swapStatement } from './swap-sql.ts';
import type { Target } from './target.ts';

export type { Swap } from './swap-sql.ts';

export interface Swapped {
  /** How long nobody could connect, by the server's clock; undefined where the answer was lost on the way. */
  readonly closedMilliseconds: number | undefined;
  /** Sessions that were ended; undefined likewise. */
  readonly ended: number | undefined;
}

export interface SwapOptions {
  /** Asked right before the effect; what it throws prevents it. */
  readonly mayAct: () => void;
  /** Milliseconds until sessions that do not go make it undone; with connections refused that long. */
  readonly patience?: number;
}

/** Long enough for a backend to notice its end in a system call, short for an application's timeouts. */
const defaultPatience = 3_000;

const names = z.object({ name: z.string(), allowsConnections: z.boolean() });

/**
 * Gives a database's name to another, within milliseconds, and keeps the old one beside it, where nobody connects to it.
 * Both or none; what was refused meanwhile is allowed again.
 *
 * @param maintenance the server, by another database than the two.
 * @param session of it, without a limit on the time of statements.
 * @throws ConditionChanged when one of the two is no longer the database that was meant; nothing was done then.
 * @throws UserError when it was undone, with who was in the way; or with the statement that finishes it by hand.
 */
export async function swapDatabases(
  maintenance: Pick<Target, 'withSession'>,
  session: Session,
  swap: Swap,
  { mayAct, patience = defaultPatience }: SwapOptions,
): Promise<Swapped> {
  const statement = swapStatement(swap, patience);
  mayAct();
  try {
    await session.query(statement);
    const [row] = await session.ask(lastReport);
    const { outcome, ended, closedMilliseconds, problem } = swapReport.parse(JSON.parse(row?.report ?? 'null'));
    if (outcome === 'swapped') return { ended, closedMilliseconds };
    throw new UserError(`The swap was undone: ${problem ?? 'the reason is in the server log'}.`, {
      hint: `${swap.name} works as before. End those sessions, then ask again.`,
    });
  } catch (error) {
    if (error instanceof UserError && error.name === 'UserError') throw error;
    if (sqlState(error) === conditionState) {
      throw new ConditionChanged(`${messageOf(error)}. The swap was not begun.`, {
        hint: 'Ask again: the new plan shows what is there now.',
        cause: error,
      });
    }
    return await lookAfter(maintenance, swap, error);
  }
}

/** The answer did not come: what stands, and what is still refused? */
async function lookAfter(maintenance: Pick<Target, 'withSession'>, swap: Swap, cause: unknown): Promise<Swapped> {
  const { name } = swap;
  try {
    return await maintenance.withSession(
      async session => {
        if ((await databaseOf(session, swap.currentOid))?.name === swap.aside) {
          return { closedMilliseconds: undefined, ended: undefined };
        }
        await allowConnections(session, name);
        throw new UserError('The swap was interrupted and did not happen.', {
          hint: `${name} works as before. Ask again when the server is well.`,
          cause,
        });
      },
      { readOnly: false, statementTimeout: 10_000 },
    );
  } catch (error) {
    if (error instanceof UserError && error.name === 'UserError') throw error;
    throw new UserError('The server stopped answering in the middle of the swap. It ends or undoes it by itself.', {
      hint: `Where ${name} still refuses connections when the server is back, this allows them: \`${allowStatement(name)}\``,
      cause: error,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function databaseOf(session: Session, oid: string) {
  const { rows } = await session.query(
    'SELECT datname AS name, datallowconn AS "allowsConnections" FROM pg_catalog.pg_database WHERE oid = $1',
    [oid],
  );
  return names.safeParse(rows[0]).data;
}

/** Allows connections again, where an interrupted swap has left them refused. */
export async function allowConnections(session: Session, database: string): Promise<void> {
  await session.query(allowStatement(database));
}

function allowStatement(database: string): string {
  return `ALTER DATABASE ${pg.escapeIdentifier(database)} WITH ALLOW_CONNECTIONS true`;
}
