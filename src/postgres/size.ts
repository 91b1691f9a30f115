import { z } from 'zod';
import type { PageFinding } from '../../blocks/page.ts';
import { bytes, duration, percent } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, inOrder } from './advised.ts';
import { askAroundLocks, unmeasuredTables } from './around-locks.ts';
import { above } from './finding.ts';
import { namedBy } from './named-by.ts';
import { noSuchTable } from './no-such-table.ts';
import type { Asker, Question } from './question.ts';

const whole = z.int().nonnegative();

const sizeSchema = z.strictObject({
  database: z.string(),
  databaseBytes: whole,
  tablesTotal: whole,
  /** The largest first. */
  tables: z.array(
    z.strictObject({
      /** With its schema, quoted where needed. */
      name: z.string(),
      totalBytes: whole,
      tableBytes: whole,
      indexBytes: whole,
      toastBytes: whole,
      /** As the last VACUUM or ANALYZE has estimated it; null where there was none. */
      rows: whole.nullable(),
      /** The table that it is a partition of. */
      partitionOf: z.string().nullable(),
      /** Somebody rewrites it: the numbers are of its last VACUUM or ANALYZE. */
      locked: z.boolean(),
      /** Its indexes, where the table was asked for by name; the largest first. */
      indexes: z.array(z.strictObject({ name: z.string(), bytes: whole })),
    }),
  ),
});

type Size = z.output<typeof sizeSchema>;

/** Tables that one look lists. */
const mostTables = 1_000;

/**
 * Each table's files by what they are for, without concatenated names, so that every name works. A name finds the
 * partitions of a partitioned table, too. $1: as a person names a table, or null. Measured are those that were the
 * largest when VACUUM or ANALYZE came last, and the newest that they never saw: opening all of 50,000 takes 7 s.
 * https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-DBSIZE
 */
const sizeQuestion: Question<{ size: Size }> = {
  name: 'size',
  sql: `
WITH RECURSIVE ${unmeasuredTables}, wanted AS MATERIALIZED (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'p') AND $1::text IS NOT NULL AND ${namedBy('$1')}
), related AS (
  SELECT oid FROM wanted
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN related ON related.oid = i.inhparent
), relation AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.reltoastrelid, c.relpages, c.reltuples,
         c.relispartition, c.relpages + coalesce(t.relpages, 0) + coalesce(x.pages, 0) AS pages
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN (SELECT i.indrelid, pg_catalog.sum(ic.relpages) AS pages
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid GROUP BY 1) x
    ON x.indrelid = c.oid
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND ($1::text IS NULL OR c.oid IN (SELECT oid FROM related))
), candidate AS (
  (SELECT * FROM relation ORDER BY pages DESC, name LIMIT ${mostTables})
  UNION (SELECT * FROM relation WHERE pages = 0 OR reltuples < 0 ORDER BY oid DESC LIMIT ${mostTables})
), measured AS MATERIALIZED (
  SELECT r.*, CASE WHEN locked THEN r.pages * pg_catalog.current_setting('block_size')::int
                   ELSE coalesce(pg_catalog.pg_total_relation_size(r.oid), 0) END AS total
  FROM (SELECT c.*, c.oid IN (SELECT oid FROM unmeasured) AS locked FROM candidate c) r
), largest AS MATERIALIZED (
  SELECT m.*, CASE WHEN locked THEN 0 ELSE coalesce(pg_catalog.pg_indexes_size(oid), 0) END AS indexes,
         CASE WHEN locked OR reltoastrelid = 0 THEN 0
              ELSE coalesce(pg_catalog.pg_total_relation_size(reltoastrelid), 0) END AS toast
  FROM (SELECT * FROM measured ORDER BY total DESC, name LIMIT ${mostTables}) m
)
SELECT pg_catalog.jsonb_build_object(
  'database', pg_catalog.current_database(),
  'databaseBytes', pg_catalog.pg_database_size(pg_catalog.current_database()),
  'tablesTotal', (SELECT pg_catalog.count(*) FROM relation),
  'tables', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', name, 'totalBytes', total,
               'tableBytes', greatest(0, total - indexes - toast), 'indexBytes', indexes, 'toastBytes', toast,
               'rows', CASE WHEN reltuples >= 0 AND (reltuples > 0 OR relpages = 0) THEN reltuples::bigint END,
               'partitionOf', CASE WHEN relispartition THEN
                  (SELECT pg_catalog.format('%I.%I', pn.nspname, p.relname)
                   FROM pg_catalog.pg_class p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                   WHERE p.oid = pg_catalog.pg_partition_root(l.oid)) END,
               'locked', locked,
               'indexes', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', i.name, 'bytes', i.bytes)
                             ORDER BY i.bytes DESC, i.name), '[]')
                           FROM (SELECT pg_catalog.format('%I.%I', xn.nspname, xc.relname) AS name,
                                        coalesce(pg_catalog.pg_relation_size(xc.oid), 0) AS bytes
                                 FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class xc ON xc.oid = x.indexrelid
                                 JOIN pg_catalog.pg_namespace xn ON xn.oid = xc.relnamespace
                                 WHERE x.indrelid = l.oid AND $1::text IS NOT NULL AND NOT l.locked) i))
               ORDER BY total DESC, name), '[]') FROM largest l)
) AS size`,
  row: z.object({ size: sizeSchema }),
};

/** What was measured earlier, to tell the growth by. */
export interface EarlierSizes {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly database: number | undefined;
  readonly tables: ReadonlyMap<string, number>;
}

export interface SizeReport {
  readonly size: Omit<Size, 'tables'> & {
    readonly tables: readonly (Size['tables'][number] & {
      /** Bytes since the earlier look; undefined where that table was not measured then. */
      readonly growth: number | undefined;
    })[];
    readonly growth: number | undefined;
  };
  /** How long ago the earlier look was, seconds. */
  readonly earlierSeconds: number | undefined;
  readonly findings: readonly PageFinding[];
}

export interface SizeReader {
  /**
   * Looks at all tables, or at those of one name with their indexes and partitions, in one round trip.
   * @throws UserError when there is no table of that name.
   */
  read(table: string | undefined): Promise<SizeReport>;
}

export interface SizeOptions {
  readonly target: Asker;
  readonly thresholds: Thresholds;
  readonly earlier: () => Promise<EarlierSizes | undefined>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function sizeReader({ target, thresholds, earlier, now }: SizeOptions): SizeReader {
  return {
    read: async named => {
      const [[row], past] = await Promise.all([askAroundLocks(target, sizeQuestion, [named ?? null]), earlier()]);
      const { size } = row!;
      if (named !== undefined && size.tablesTotal === 0) throw await noSuchTable(target, named);
      const since = (bytesNow: number, before: number | undefined) =>
        before === undefined ? undefined : bytesNow - before;
      const growth = since(size.databaseBytes, past?.database);
      const earlierSeconds = past && (now() - past.at) / 1_000;
      return {
        size: {
          ...size,
          growth,
          tables: size.tables.map(one => ({ ...one, growth: since(one.totalBytes, past?.tables.get(one.name)) })),
        },
        earlierSeconds,
        findings: judgeGrowth({ databaseBytes: size.databaseBytes, growth, earlierSeconds }, thresholds),
      };
    },
  };
}

/** A database that is small may double for good reasons. */
const worthJudging = 1_000_000_000;

/** Judges the growth of a day, or of what is known of it, by a target's thresholds. */
export function judgeGrowth(
  {
    databaseBytes,
    growth,
    earlierSeconds,
  }: { databaseBytes: number; growth: number | undefined; earlierSeconds: number | undefined },
  { growthPercent }: Thresholds,
): PageFinding[] {
  if (growth === undefined || earlierSeconds === undefined || growth < worthJudging) return [];
  const days = Math.max(1, earlierSeconds / 86_400);
  const share = (100 * growth) / days / (databaseBytes - growth);
  const say = (value: string) =>
    `The database grew by ${bytes(growth)} in ${duration(earlierSeconds)}, ${value}${days > 1 ? ' a day' : ''}`;
  return inOrder([
    advised(
      above(share, growthPercent, percent, say),
      'The column Growth shows which tables; `/db disk` shows what room is left',
    ),
  ]);
}
