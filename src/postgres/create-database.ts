import pg from 'pg';
import type { SwapFacts } from './swap-obstacles.ts';

type Likeness = Pick<
  SwapFacts,
  'owner' | 'encoding' | 'collate' | 'ctype' | 'provider' | 'locale' | 'icuRules' | 'tablespace'
>;

/**
 * Creates an empty database like another one. From template0, as pg_restore brings all that the dump has, and only
 * template0 takes another encoding or locale than its own.
 * https://www.postgresql.org/docs/current/sql-createdatabase.html
 *
 * @param serverVersion `server_version_num`: providers of locales can be named since 15, the built-in one since 17.
 */
export function createDatabaseLike(name: string, like: Likeness, serverVersion: number): string {
  const { owner, encoding, collate, ctype, provider, locale, icuRules, tablespace } = like;
  const literal = (text: string) => pg.escapeLiteral(text);
  const providers: Record<string, string[]> = {
    c: ['LOCALE_PROVIDER libc'],
    i: ['LOCALE_PROVIDER icu', `ICU_LOCALE ${literal(locale ?? '')}`],
    b: ['LOCALE_PROVIDER builtin', `BUILTIN_LOCALE ${literal(locale ?? '')}`],
  };
  return [
    `CREATE DATABASE ${pg.escapeIdentifier(name)} WITH TEMPLATE template0`,
    `OWNER ${pg.escapeIdentifier(owner)}`,
    `ENCODING ${literal(encoding)}`,
    ...(serverVersion >= 150_000 ? (providers[provider] ?? []) : []),
    `LC_COLLATE ${literal(collate)}`,
    `LC_CTYPE ${literal(ctype)}`,
    ...(icuRules === null ? [] : [`ICU_RULES ${literal(icuRules)}`]),
    ...(tablespace === 'pg_default' ? [] : [`TABLESPACE ${pg.escapeIdentifier(tablespace)}`]),
  ].join(' ');
}

export function dropDatabase(name: string, { force = false }: { force?: boolean } = {}): string {
  return `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)}${force ? ' WITH (FORCE)' : ''}`;
}
