import { z } from 'zod';
import { actAs } from './act-as.ts';
import type { Question } from './question.ts';

const factsSchema = z.object({
  oid: z.string(),
  database: z.string(),
  owner: z.string(),
  bytes: z.coerce.number(),
  /** What CREATE DATABASE needs for one like it. */
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  /** `c` for libc, `i` for ICU, `b` for the built-in one. */
  provider: z.string(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  tablespace: z.string(),
  /** Names that its role was asked for: the one that a restore is made under, and the one that the old one would get. */
  taken: z.array(z.string()),
  role: z.object({
    name: z.string(),
    superuser: z.boolean(),
    createsDatabases: z.boolean(),
    /** Whether it has the rights of the database's owner, and may hand things over to it. */
    isOwner: z.boolean(),
    signals: z.boolean(),
  }),
  standby: z.boolean(),
  template: z.boolean(),
  prepared: z.array(z.string()),
  slots: z.array(z.string()),
  subscriptions: z.array(z.string()),
  /** Sessions that the role may not end. */
  protectedSessions: z.array(z.object({ pid: z.int(), user: z.string().nullable(), kind: z.string() })),
  applications: z.array(
    z.object({ application: z.string(), user: z.string(), sessions: z.int(), active: z.int(), address: z.string() }),
  ),
  /** Owners of objects in it that the role is not a member of. */
  foreignOwners: z.array(z.string()),
  /** Tablespaces of it or of something in it where the role may create nothing. */
  closedTablespaces: z.array(z.string()),
  ownerIsSuperuser: z.boolean(),
  /** Objects in it of superusers, whose owner nobody else can set: `table users`. Empty for a superuser. */
  ownedBySuperusers: z.array(z.string()),
  /** What only a superuser can restore, save extensions: `event trigger audit_ddl`. */
  forSuperusers: z.array(z.string()),
  /** Extensions that only a superuser can create, and whether something of the database itself is made of them. */
  untrustedExtensions: z.array(z.object({ name: z.string(), schema: z.string(), needed: z.boolean() })),
  /** Extensions that the server has files of and only a superuser can create, whether or not they are in the database. */
  superuserExtensions: z.array(z.string()),
  /** Grants on objects of extensions, beyond those that the extensions make themselves. */
  extensionGrants: z.array(z.string()),
  /** The last commit, where track_commit_timestamp is on; ISO 8601. */
  lastCommit: z.iso.datetime({ offset: true }).nullable(),
});

/** A database that is to be replaced, and what the asking role may do about it. */
export type SwapFacts = z.output<typeof factsSchema>;

/**
 * Of the database of this session, which must be the target itself: owners, extensions and triggers are seen only there.
 * $1: names that must be free.
 *
 * RENAME DATABASE is for the owner with CREATEDB, and no other session and no prepared transaction may be there. Logical
 * slots and subscriptions belong to the old database's oid, and would go on with it under its new name.
 * https://www.postgresql.org/docs/current/sql-alterdatabase.html
 * https://www.postgresql.org/docs/current/predefined-roles.html
 */
export const swapFacts: Question<SwapFacts> = {
  name: 'swap_facts',
  sql: version => `
WITH me AS (SELECT oid, rolname, rolsuper, rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user),
db AS (SELECT * FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
others AS (
  SELECT a.*, r.rolsuper FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
  WHERE a.datid = (SELECT oid FROM db) AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL
),
-- pg_shdepend leaves out what belongs to the role that made the cluster. Oids below 16384 are of initdb.
-- https://www.postgresql.org/docs/current/system-catalog-initial-data.html#SYSTEM-CATALOG-OID-ASSIGNMENT
owned AS (
  SELECT classid, objid, refobjid AS owner FROM pg_catalog.pg_shdepend WHERE dbid = (SELECT oid FROM db) AND deptype = 'o'
  UNION SELECT tableoid, oid, relowner FROM pg_catalog.pg_class
    WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relpersistence <> 't'
  UNION SELECT tableoid, oid, proowner FROM pg_catalog.pg_proc WHERE oid >= 16384
  UNION SELECT tableoid, oid, nspowner FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname NOT LIKE 'pg\\_%'
  UNION SELECT tableoid, oid, typowner FROM pg_catalog.pg_type WHERE oid >= 16384 AND typtype IN ('d', 'e', 'r')
),
owners AS (
  SELECT o.owner AS oid, o.classid, o.objid, r.rolsuper FROM owned o JOIN pg_catalog.pg_roles r ON r.oid = o.owner
  WHERE o.classid NOT IN ('pg_catalog.pg_extension'::pg_catalog.regclass, 'pg_catalog.pg_event_trigger'::pg_catalog.regclass)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE (p.tableoid, p.oid) = (o.classid, o.objid) AND p.puballtables)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE (d.classid, d.objid) = (o.classid, o.objid) AND d.deptype = 'e')
),
members AS (
  SELECT classid, objid, refobjid AS extension FROM pg_catalog.pg_depend
  WHERE refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND deptype = 'e'
),
-- A view's dependencies are its rule's.
needed AS (
  SELECT m.extension FROM members m
  JOIN pg_catalog.pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('n', 'a')
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
  WHERE NOT EXISTS (SELECT FROM members own
    WHERE (own.classid, own.objid) = (d.classid, d.objid)
      OR (own.classid, own.objid) = ('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class))
),
granted AS (
  SELECT tableoid AS classid, oid, proacl AS acl, proowner AS owner, 'FUNCTION' AS kind,
    oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc WHERE prokind <> 'p'
  UNION ALL SELECT tableoid, oid, relacl, relowner, 'TABLE', oid::pg_catalog.regclass::text
    FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT db.oid::text AS oid, db.datname::text AS database, pg_catalog.pg_get_userbyid(db.datdba)::text AS owner,
  pg_catalog.pg_database_size(db.oid) AS bytes,
  pg_catalog.pg_encoding_to_char(db.encoding)::text AS encoding, db.datcollate::text AS collate, db.datctype::text AS ctype,
  ${version >= 150_000 ? 'db.datlocprovider::text' : "'c'"} AS provider,
  ${version >= 170_000 ? 'db.datlocale' : version >= 150_000 ? 'db.daticulocale' : 'NULL'}::text AS locale,
  ${version >= 160_000 ? 'db.daticurules' : 'NULL'}::text AS "icuRules",
  (SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE oid = db.dattablespace) AS tablespace,
  ARRAY(SELECT datname::text FROM pg_catalog.pg_database WHERE datname = ANY ($1::text[])) AS taken,
  pg_catalog.jsonb_build_object('name', me.rolname::text, 'superuser', me.rolsuper,
    'createsDatabases', me.rolsuper OR me.rolcreatedb,
    'isOwner', pg_catalog.pg_has_role(db.datdba, 'USAGE') AND pg_catalog.pg_has_role(db.datdba, ${actAs}),
    'signals', me.rolsuper OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')) AS role,
  pg_catalog.pg_is_in_recovery() AS standby, db.datistemplate AS template,
  ARRAY(SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = db.datname ORDER BY 1) AS prepared,
  ARRAY(SELECT slot_name::text FROM pg_catalog.pg_replication_slots WHERE datoid = db.oid AND NOT temporary ORDER BY 1) AS slots,
  ARRAY(SELECT subname::text FROM pg_catalog.pg_subscription WHERE subdbid = db.oid ORDER BY 1) AS subscriptions,
  coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('pid', pid, 'user', usename, 'kind',
      coalesce(backend_type, 'hidden')) ORDER BY pid) FROM others
    WHERE (rolsuper AND NOT me.rolsuper) OR backend_type NOT IN ('client backend', 'walsender', 'parallel worker')), '[]')
    AS "protectedSessions",
  coalesce((SELECT pg_catalog.jsonb_agg(x) FROM (
    SELECT coalesce(nullif(application_name, ''), '(no name)') AS application, usename::text AS user,
      coalesce(pg_catalog.host(client_addr), 'local') AS address,
      pg_catalog.count(*) AS sessions, pg_catalog.count(*) FILTER (WHERE state = 'active') AS active
    FROM others WHERE application_name NOT LIKE 'pg-chatops/%' GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT 20) x), '[]') AS applications,
  ARRAY(SELECT DISTINCT pg_catalog.pg_get_userbyid(oid)::text FROM owners
    WHERE NOT rolsuper AND NOT pg_catalog.pg_has_role(oid, ${actAs}) ORDER BY 1) AS "foreignOwners",
  ARRAY(SELECT spcname::text FROM pg_catalog.pg_tablespace t
    WHERE t.oid IN (SELECT db.dattablespace UNION SELECT reltablespace FROM pg_catalog.pg_class)
      AND spcname NOT IN ('pg_default', 'pg_global') AND NOT pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')
    ORDER BY 1) AS "closedTablespaces",
  (SELECT rolsuper FROM pg_catalog.pg_roles WHERE oid = db.datdba) AS "ownerIsSuperuser",
  ARRAY(SELECT pg_catalog.pg_describe_object(classid, objid, 0) FROM owners
    WHERE rolsuper AND NOT me.rolsuper ORDER BY 1) AS "ownedBySuperusers",
  ARRAY(
    SELECT 'event trigger ' || evtname FROM pg_catalog.pg_event_trigger e WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND d.objid = e.oid AND d.deptype = 'e')
    UNION ALL SELECT 'publication ' || pubname || ' of all tables' FROM pg_catalog.pg_publication WHERE puballtables
    ORDER BY 1) AS "forSuperusers",
  coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', e.extname, 'schema', n.nspname,
      'needed', e.oid IN (SELECT extension FROM needed)) ORDER BY e.extname)
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.extname AND v.version = e.extversion
    WHERE v.superuser AND NOT v.trusted AND e.extname <> 'plpgsql'), '[]') AS "untrustedExtensions",
  ARRAY(SELECT a.name::text FROM pg_catalog.pg_available_extensions a
    JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
    WHERE v.superuser AND NOT v.trusted ORDER BY 1) AS "superuserExtensions",
  ARRAY(SELECT pg_catalog.format('GRANT %s ON %s %s TO %s', a.privilege_type, o.kind,
      pg_catalog.string_agg(o.name, ', ' ORDER BY o.name),
      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
    FROM granted o JOIN pg_catalog.pg_depend d ON (d.classid, d.objid) = (o.classid, o.oid) AND d.deptype = 'e'
    CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
    WHERE a.grantee NOT IN (o.owner, CASE WHEN o.kind = 'FUNCTION' THEN 0 ELSE o.owner END)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i CROSS JOIN LATERAL pg_catalog.aclexplode(i.initprivs) own
        WHERE (i.classoid, i.objoid, i.objsubid) = (o.classid, o.oid, 0)
          AND (own.grantee, own.privilege_type) = (a.grantee, a.privilege_type))
    GROUP BY a.privilege_type, o.kind, a.grantee ORDER BY 1) AS "extensionGrants",
  CASE WHEN pg_catalog.current_setting('track_commit_timestamp') = 'on' AND NOT pg_catalog.pg_is_in_recovery()
    THEN pg_catalog.to_char((SELECT "timestamp" FROM pg_catalog.pg_last_committed_xact()) AT TIME ZONE 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END AS "lastCommit"
FROM db, me`,
  row: factsSchema,
};
