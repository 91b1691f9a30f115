import { z } from 'zod';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Asker, Question } from './question.ts';

const names: Question<{ bare: string; qualified: string; quoted: string; quotedQualified: string }> = {
  name: 'table_names',
  sql: `
SELECT c.relname AS bare, n.nspname || '.' || c.relname AS qualified, pg_catalog.format('%I', c.relname) AS quoted,
  pg_catalog.format('%I.%I', n.nspname, c.relname) AS "quotedQualified"
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY c.relpages DESC, c.oid LIMIT 10000`,
  row: z.object({ bare: z.string(), qualified: z.string(), quoted: z.string(), quotedQualified: z.string() }),
};

/** A table's name is as PostgreSQL writes it; the person may have mistyped it: says which names come near. */
export async function noSuchTable(target: Asker, typed: string): Promise<UserError> {
  const tables = await target.ask(names);
  const known = new Map(
    tables.map(one => (typed.includes('.') ? [one.qualified, one.quotedQualified] : [one.bare, one.quoted])),
  );
  const near = nearest(typed, [...known.keys()]).map(name => `\`${known.get(name)}\``);
  return new UserError(`There is no table ${typed}.`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.join(' or ')}? A name is case-sensitive.`
        : 'Its name is case-sensitive, with or without its schema: `orders`, `public.orders`. `/db size` lists the largest.',
  });
}
