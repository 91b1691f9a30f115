import pg from 'pg';
import type { ClusterAccess, Login } from './access.ts';

/** How many connections the bot's role may have: its pools, the warm connection and two parallel pg_dump jobs. */
const botConnectionLimit = 10;

/**
 * The statements that make the bot's role with the least it needs, run by a superuser.
 *
 * - pg_monitor: see all sessions, statistics and settings.
 * - pg_signal_backend: cancel and terminate other people's backends, save superusers'.
 * - pg_read_all_data (14+): back up, and count rows in the integrity checks.
 * - pg_use_reserved_connections (16+): connect while all other slots are taken.
 *
 * Predefined roles by version: https://www.postgresql.org/docs/current/predefined-roles.html
 */
export function botRoleStatements(major: number, { user, password }: Login): string[] {
  const role = pg.escapeIdentifier(user);
  const memberships = [
    'pg_monitor',
    'pg_signal_backend',
    ...(major >= 14 ? ['pg_read_all_data'] : []),
    ...(major >= 16 ? ['pg_use_reserved_connections'] : []),
  ];
  return [
    `CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(password)} CONNECTION LIMIT ${botConnectionLimit}`,
    `GRANT ${memberships.join(', ')} TO ${role}`,
  ];
}

/** Makes the role that the bot logs in as; `chatops` unless told (PostgreSQL reserves names that begin with pg_). */
export async function createBotRole(cluster: ClusterAccess, user = 'chatops'): Promise<Login> {
  const login = { user, password: `${user}-password` };
  for (const statement of botRoleStatements(cluster.major, login)) await cluster.admin.sql(statement);
  return login;
}

/** Makes the portal's own role, which owns its database and is no superuser: the bot may signal its sessions. */
export async function createPortalRole(cluster: ClusterAccess, user = 'portal'): Promise<Login> {
  return createLogin(cluster, user, 'login');
}

/**
 * Makes a role for the walsender lane: `replication=database` connections take a slot of max_wal_senders, so they get in
 * when max_connections is reached. https://www.postgresql.org/docs/current/protocol-replication.html
 */
export async function createWalsenderRole(cluster: ClusterAccess, user = 'chatops_walsender'): Promise<Login> {
  const login = await createLogin(cluster, user, 'login replication');
  await cluster.admin.sql(`grant pg_monitor, pg_signal_backend to ${pg.escapeIdentifier(user)}`);
  return login;
}

/** Drops roles that own nothing; no error where one does not exist. */
export async function dropRoles(cluster: ClusterAccess, ...logins: Login[]): Promise<void> {
  const roles = logins.map(({ user }) => pg.escapeIdentifier(user));
  if (roles.length > 0) await cluster.admin.sql(`drop role if exists ${roles.join(', ')}`);
}

async function createLogin(cluster: ClusterAccess, user: string, attributes: string): Promise<Login> {
  const login = { user, password: `${user}-password` };
  await cluster.admin.sql(
    `create role ${pg.escapeIdentifier(user)} ${attributes} password ${pg.escapeLiteral(login.password)}`,
  );
  return login;
}
