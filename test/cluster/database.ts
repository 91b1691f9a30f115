import { randomBytes } from 'node:crypto';
import type { ClusterAccess, Login } from './access.ts';
import { createBotRole, dropRoles } from './roles.ts';
import * as situations from './session.ts';
import { sharedCluster, templateDatabase } from './shared.ts';

/** A test file's own copy of the portal's database. */
export interface TestDatabase {
  name: string;
  cluster: ClusterAccess;
  /** As the portal's role, which owns the database. */
  url: string;
  /** As a role with exactly the bot's privileges that no other test file uses. */
  botUrl: string;
  bot: Login;
  portal: Login;
  admin: {
    /** Runs one statement in this database as superuser. */
    sql: situations.Ask;
  };
  /** A session of the portal (or of `login`), closed by `drop` at the latest. */
  openSession(options?: { applicationName?: string; login?: Login }): Promise<situations.Session>;
  idleInTransaction(session: situations.Session, table: string): Promise<void>;
  blockedBy(blocker: situations.Session, session: situations.Session, table: string): Promise<situations.Running>;
  running(session: situations.Session, text: string): Promise<situations.Running>;
  /** Closes the sessions opened here, then drops the database and the bot's role. */
  drop(): Promise<void>;
}

/** Copies the template database of the run's cluster: `const database = await freshDatabase()`, dropped in afterAll. */
export async function freshDatabase({ cluster, portal } = sharedCluster()): Promise<TestDatabase> {
  const unique = randomBytes(6).toString('hex');
  const name = `portal_${unique}`;
  await cluster.createDatabase(name, { template: templateDatabase, owner: portal.user });
  const bot = await createBotRole(cluster, `chatops_${unique}`);
  const sessions: situations.Session[] = [];
  const ask: situations.Ask = (text, values) => cluster.admin.sql(text, values, name);
  return {
    name,
    cluster,
    url: cluster.url(name, portal),
    botUrl: cluster.url(name, bot),
    bot,
    portal,
    admin: { sql: ask },
    openSession: async ({ applicationName, login = portal } = {}) => {
      const session = await situations.openSession(cluster.url(name, login), { applicationName });
      sessions.push(session);
      return session;
    },
    idleInTransaction: (session, table) => situations.idleInTransaction(ask, session, table),
    blockedBy: (blocker, session, table) => situations.blockedBy(ask, blocker, session, table),
    running: (session, text) => situations.running(ask, session, text),
    drop: async () => {
      await Promise.all(sessions.map(session => session.close()));
      await cluster.dropDatabase(name);
      await dropRoles(cluster, bot);
    },
  };
}
