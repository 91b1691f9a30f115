import pg from 'pg';
import { z } from 'zod';
import type { Question } from './question.ts';
import { commentStatement } from './set-aside.ts';

/** Which database takes which name. */
export interface Swap {
  /** The name that clients know. */
  readonly name: string;
  /** Oid of the database that bears it now. */
  readonly currentOid: string;
  /** The name under which that one stays. */
  readonly aside: string;
  /** The database that takes the name. */
  readonly incoming: { readonly name: string; readonly oid: string };
  /** Comments after the swap: of the one that is set aside, and of the one that took the name. */
  readonly comments: { readonly aside: string; readonly current: string | null };
}

/** What the swap says of itself when it is over. */
export const swapReport = z.strictObject({
  outcome: z.enum(['swapped', 'undone']),
  /** How many sessions were ended. */
  ended: z.int(),
  /** How long nobody could connect, milliseconds. */
  closedMilliseconds: z.number(),
  /** The first so many of those who did not go, or what the renaming failed with. */
  problem: z.string().nullable(),
});

export const lastReport: Question<{ report: string | null }> = {
  name: 'swap_report',
  sql: `SELECT pg_catalog.current_setting('pg_chatops.swap', true) AS report`,
  row: z.object({ report: z.string().nullable() }),
};

/**
 * SQLSTATE of ours: a condition of the swap does not hold, nothing was done. RENAME DATABASE would wait five seconds for
 * a prepared transaction, with connections refused meanwhile.
 */
export const conditionState = 'CH001';

/**
 * The swap as one statement that the server carries out alone: whatever becomes of the bot or the network meanwhile, it
 * ends swapped or undone, and no round trip is in the gap.
 *
 * Between its two commits nobody can connect to either database, superusers included; sessions are ended all at once
 * and again and again, as one that was just connecting shows itself late; both renames are one transaction. Sessions
 * without a user are autovacuum workers, which RENAME DATABASE sends away itself (CountOtherDBBackends, procarray.c),
 * so a moment without them is waited for before the gap begins.
 *
 * A DO block may commit where it is not inside a block that handles errors, which is why each handler is around the
 * statements alone. https://www.postgresql.org/docs/current/plpgsql-transactions.html
 *
 * @param patience milliseconds until sessions that do not go make it undone.
 */
export function swapStatement({ name, currentOid, aside, incoming, comments }: Swap, patience: number): string {
  const [current, next, kept] = [name, incoming.name, aside].map(one => pg.escapeIdentifier(one)) as [
    string,
    string,
    string,
  ];
  const execute = (statement: string) => `EXECUTE ${pg.escapeLiteral(statement)};`;
  const both = `(${oid(currentOid)}, ${oid(incoming.oid)})`;
  const body = `
DECLARE
  closed timestamptz;
  others int;
  ended int := 0;
  victim record;
  problem text;
  swapped boolean := false;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE oid = ${oid(currentOid)} AND datname = ${pg.escapeLiteral(name)})
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE oid = ${oid(incoming.oid)} AND datname = ${pg.escapeLiteral(incoming.name)})
    OR EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = ${pg.escapeLiteral(aside)})
  THEN RAISE EXCEPTION 'A database was renamed or made anew since the plan' USING ERRCODE = '${conditionState}'; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = ${pg.escapeLiteral(name)})
  THEN RAISE EXCEPTION 'A prepared transaction is open in it' USING ERRCODE = '${conditionState}'; END IF;
  closed := pg_catalog.clock_timestamp();
  LOOP
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE datid IN ${both} AND usesysid IS NULL)
      OR pg_catalog.clock_timestamp() > closed + interval '${patience} milliseconds';
    PERFORM pg_catalog.pg_sleep(0.02);
  END LOOP;
  ${execute(`ALTER DATABASE ${current} WITH ALLOW_CONNECTIONS false`)}
  ${execute(`ALTER DATABASE ${next} WITH ALLOW_CONNECTIONS false`)}
  COMMIT;
  closed := pg_catalog.clock_timestamp();
  LOOP
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    others := 0;
    FOR victim IN SELECT pid FROM pg_catalog.pg_stat_activity WHERE datid IN ${both} AND usesysid IS NOT NULL LOOP
      others := others + 1;
      BEGIN
        IF pg_catalog.pg_terminate_backend(victim.pid) THEN ended := ended + 1; END IF;
      EXCEPTION WHEN insufficient_privilege THEN NULL;
      END;
    END LOOP;
    IF others = 0 THEN
      BEGIN
        ${execute(`ALTER DATABASE ${current} RENAME TO ${kept}`)}
        ${execute(`ALTER DATABASE ${next} RENAME TO ${current}`)}
        ${execute(`ALTER DATABASE ${current} WITH ALLOW_CONNECTIONS true`)}
        ${execute(commentStatement(name, comments.current))}
        ${execute(commentStatement(aside, comments.aside))}
        swapped := true;
      EXCEPTION
        WHEN object_in_use THEN problem := SQLERRM;
        WHEN OTHERS THEN problem := SQLERRM; closed := closed - interval '${patience} milliseconds';
      END;
    END IF;
    EXIT WHEN swapped OR pg_catalog.clock_timestamp() > closed + interval '${patience} milliseconds';
    PERFORM pg_catalog.pg_sleep(0.002);
  END LOOP;
  IF NOT swapped THEN
    ${execute(`ALTER DATABASE ${current} WITH ALLOW_CONNECTIONS true`)}
    ${execute(`ALTER DATABASE ${next} WITH ALLOW_CONNECTIONS true`)}
  END IF;
  COMMIT;
  IF NOT swapped AND others > 0 THEN
    SELECT pg_catalog.string_agg(pg_catalog.format('%s (%s)', pid, coalesce(usename, backend_type, 'hidden')), ', ')
      INTO problem FROM (SELECT * FROM pg_catalog.pg_stat_activity WHERE datid IN ${both} LIMIT 5) a;
    problem := 'these sessions did not end: ' || coalesce(problem, 'they are gone by now');
  END IF;
  PERFORM pg_catalog.set_config('pg_chatops.swap', pg_catalog.jsonb_build_object(
    'outcome', CASE WHEN swapped THEN 'swapped' ELSE 'undone' END, 'ended', ended,
    'closedMilliseconds', extract(epoch FROM pg_catalog.clock_timestamp() - closed) * 1000,
    'problem', CASE WHEN NOT swapped THEN problem END)::text, false);
END`;
  return `DO ${dollarQuoted(body)}`;
}

/** The statements of the swap as a person would type them, in order. */
export function swapSteps({ name, aside, incoming }: Pick<Swap, 'name' | 'aside' | 'incoming'>): string[] {
  const [current, next, kept] = [name, incoming.name, aside].map(one => pg.escapeIdentifier(one)) as [
    string,
    string,
    string,
  ];
  return [
    `ALTER DATABASE ${current} WITH ALLOW_CONNECTIONS false`,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${pg.escapeLiteral(name)}`,
    `BEGIN; ALTER DATABASE ${current} RENAME TO ${kept}; ALTER DATABASE ${next} RENAME TO ${current}; COMMIT`,
  ];
}

/** Oids are numbers in SQL; anything else never gets there. */
function oid(text: string): string {
  return z
    .string()
    .regex(/^\d{1,10}$/)
    .parse(text);
}

/** Names hold anything, `$swap$` too. */
function dollarQuoted(body: string): string {
  let tag = 'swap';
  while (body.includes(`$${tag}$`)) tag += '_';
  return `$${tag}$${body}\n$${tag}$`;
}
