/**
 * SQL: the right to act as a role (SET ROLE), which is one of its own since 16; before, every member has it.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
 */
export const actAs =
  "CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";
