import {
  carryGrants,
  carryOver,
  type DatabaseProperties,
  databaseProperties,
} from '../postgres/database-properties.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { Session } from '../postgres/target.ts';

/** Lets no other roles into a database than into another one, before anybody is let in. */
export async function carryGrantsBefore(session: Session, from: string, to: string): Promise<void> {
  for (const statement of carryGrants(await propertiesOf(session, from), to)) await session.query(statement);
}

/**
 * Gives a database the grants, settings and the connection limit of another one, as far as the bot's role may.
 * @returns those of the other one.
 */
export async function carryProperties(session: Session, from: string, to: string): Promise<DatabaseProperties> {
  const properties = await propertiesOf(session, from);
  for (const { statement, as, may } of carryOver(properties, to)) {
    if (may) await runAs(session, as, statement);
  }
  return properties;
}

async function propertiesOf(session: Session, database: string): Promise<DatabaseProperties> {
  const [properties] = await session.ask(databaseProperties, [database]);
  if (!properties) throw new Error(`the database ${database} is not in pg_database`);
  return properties;
}

/** A role's own settings are set by that role alone. */
async function runAs(session: Session, role: string | undefined, statement: string): Promise<void> {
  if (role === undefined) {
    await session.query(statement);
    return;
  }
  await session.query(`SET ROLE ${quoteIdentifier(role)}`);
  try {
    await session.query(statement);
  } finally {
    await session.query('RESET ROLE');
  }
}
