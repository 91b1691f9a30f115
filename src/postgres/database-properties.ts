import pg from 'pg';
import { z } from 'zod';
import { actAs } from './act-as.ts';
import type { Question } from './question.ts';

const settingSchema = z.object({
  /** Null for a setting of the database for everybody. */
  role: z.string().nullable(),
  name: z.string(),
  value: z.string(),
  /** Whether the asking role may set it: a role's own settings are set by that role or one that may act as it. */
  may: z.boolean(),
});

const propertiesSchema = z.object({
  owner: z.string(),
  connectionLimit: z.int(),
  comment: z.string().nullable(),
  /** Whether its privileges were ever changed: otherwise PostgreSQL's defaults hold. */
  ownPrivileges: z.boolean(),
  grants: z.array(z.object({ privilege: z.string(), grantee: z.string().nullable(), grantable: z.boolean() })),
  settings: z.array(settingSchema),
});

/** What belongs to a database by its oid, and is in no dump of it. */
export type DatabaseProperties = z.output<typeof propertiesSchema>;

/**
 * Of the database $1. ALTER ROLE … IN DATABASE is for the role itself, whoever may act as it (SET ROLE) and superusers.
 * https://www.postgresql.org/docs/current/sql-alterrole.html
 */
export const databaseProperties: Question<DatabaseProperties> = {
  name: 'database_properties',
  sql: `
SELECT pg_catalog.pg_get_userbyid(d.datdba)::text AS owner, d.datconnlimit AS "connectionLimit",
  pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
  d.datacl IS NOT NULL AS "ownPrivileges",
  coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('privilege', a.privilege_type,
      'grantee', CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee)::text END, 'grantable', a.is_grantable)
      ORDER BY a.grantee, a.privilege_type)
    FROM pg_catalog.aclexplode(d.datacl) a WHERE a.grantee <> d.datdba), '[]') AS grants,
  coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('role', r.rolname::text,
      'name', split_part(item, '=', 1), 'value', pg_catalog.substr(item, pg_catalog.strpos(item, '=') + 1),
      'may', r.oid IS NULL OR pg_catalog.pg_has_role(r.oid, ${actAs})) ORDER BY r.rolname NULLS FIRST, item)
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN pg_catalog.unnest(s.setconfig) AS item
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid), '[]') AS settings
FROM pg_catalog.pg_database d WHERE d.datname = $1`,
  row: propertiesSchema,
};

/** A statement that carries a property over. */
export interface Carried {
  readonly statement: string;
  /** Role to act as meanwhile. */
  readonly as: string | undefined;
  /** Whether the bot may: what it may not, a person runs afterwards. */
  readonly may: boolean;
}

/**
 * What lets the same roles into another database as into this one, in order. A new one is open to everybody.
 * https://www.postgresql.org/docs/current/ddl-priv.html#PRIVILEGES-SUMMARY-TABLE
 */
export function carryGrants(
  { ownPrivileges, grants }: Pick<DatabaseProperties, 'ownPrivileges' | 'grants'>,
  database: string,
): string[] {
  const name = pg.escapeIdentifier(database);
  return [
    ...(ownPrivileges ? [`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`] : []),
    ...grants.map(
      ({ privilege, grantee, grantable }) =>
        `GRANT ${privilege} ON DATABASE ${name} TO ${grantee === null ? 'PUBLIC' : pg.escapeIdentifier(grantee)}${grantable ? ' WITH GRANT OPTION' : ''}`,
    ),
  ];
}

/** What gives another database the same properties, in order; the comment is left to the swap. */
export function carryOver(properties: DatabaseProperties, database: string): Carried[] {
  const { connectionLimit, settings } = properties;
  const name = pg.escapeIdentifier(database);
  const plain = (statement: string): Carried => ({ statement, as: undefined, may: true });
  return [
    ...(connectionLimit === -1 ? [] : [plain(`ALTER DATABASE ${name} CONNECTION LIMIT ${connectionLimit}`)]),
    ...carryGrants(properties, database).map(plain),
    ...settings.map(({ role, name: setting, value, may }) => {
      const whose = role === null ? '' : `ROLE ${pg.escapeIdentifier(role)} IN `;
      const assignment = `SET ${setting
        .split('.')
        .map(part => pg.escapeIdentifier(part))
        .join('.')} TO ${literals(setting, value)}`;
      return { statement: `ALTER ${whose}DATABASE ${name} ${assignment}`, as: role ?? undefined, may };
    }),
  ];
}

/** GUC_LIST_QUOTE: these are stored as a list of identifiers. pg_dump's variable_is_guc_list_quote, src/bin/pg_dump/dumputils.c. */
const lists = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

const listItem = /\s*(?:"((?:[^"]|"")*)"|([^,"]+))\s*(?:,|$)/gy;

function literals(setting: string, value: string): string {
  if (!lists.has(setting.toLowerCase())) return pg.escapeLiteral(value);
  const items = [...value.matchAll(listItem)].map(
    ([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain.trim(),
  );
  return items.length === 0 ? "''" : items.map(item => pg.escapeLiteral(item)).join(', ');
}
