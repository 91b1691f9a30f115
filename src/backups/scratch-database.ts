import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Connection } from '../postgres/connection-url.ts';
import { sqlState } from '../postgres/errors.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { inDatabase, within } from '../postgres/maintenance.ts';
import type { Question } from '../postgres/question.ts';
import type { Log, Session, Target } from '../postgres/target.ts';
import { inspectProcess } from '../tools/processes.ts';
import type { Definitions } from './dump-definitions.ts';
import { isAbandonedName, scratchName, scratchPrefix } from './scratch-name.ts';

/** An empty database that will be dropped. */
export interface ScratchDatabase {
  readonly connection: Connection;
  /** Whether owners and grants can be restored there. */
  readonly owners: boolean;
  /** What is not as in the source, in words. */
  readonly notes: readonly string[];
  /** Extensions of the dump that this server cannot create. */
  readonly missingExtensions: readonly string[];
  drop(): Promise<void>;
}

export interface ScratchRequest {
  /** Of the server, in a database that is always there. */
  readonly connection: Connection;
  /** Whether the server is thrown away: roles and tablespaces are then created on it as well. */
  readonly disposable: boolean;
  readonly definitions: Definitions;
  readonly now: Date;
  readonly log: Log;
}

const availableExtensions: Question<{ name: string }> = {
  name: 'available_extensions',
  sql: 'SELECT name::text AS name FROM pg_catalog.pg_available_extensions WHERE name = ANY ($1::text[])',
  row: z.object({ name: z.string() }),
};

const existingRoles: Question<{ name: string }> = {
  name: 'existing_roles',
  sql: 'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])',
  row: z.object({ name: z.string() }),
};

const scratchDatabases: Question<{ name: string }> = {
  name: 'scratch_databases',
  sql: `
SELECT datname::text AS name FROM pg_catalog.pg_database
WHERE pg_catalog.starts_with(datname::text, $1) AND pg_catalog.pg_has_role(datdba, 'MEMBER')`,
  row: z.object({ name: z.string() }),
};

/**
 * What CREATE DATABASE says to a locale that this machine lacks: invalid_parameter_value, wrong_object_type,
 * undefined_object, invalid_object_definition, feature_not_supported (no ICU).
 */
const localeRefused = new Set(['22023', '42809', '42704', '42P17', '0A000']);

const unlimited = { readOnly: false, statementTimeout: 0, lockTimeout: 10_000 } as const;

/**
 * Creates an empty database with the encoding and collation of the one that was dumped.
 * @throws UserError when the server refuses.
 */
export async function createScratchDatabase(request: ScratchRequest): Promise<ScratchDatabase> {
  const { connection, disposable, definitions, log } = request;
  return within({ name: 'scratch', connection, log }, server =>
    server.withSession(async session => {
      if (disposable) await createSurroundings(session, definitions);
      const bot = await inspectProcess(process.pid);
      if (!bot) throw new Error('This process cannot be found among the running ones.');
      const name = scratchName(bot, request.now);
      const notes = await createDatabase(session, name, definitions.database);
      const available = await session.ask(availableExtensions, [definitions.extensions]);
      return {
        connection: inDatabase(connection, name),
        owners: disposable,
        notes: disposable ? notes : [...notes, 'Owners and grants were left out there.'],
        missingExtensions: definitions.extensions.filter(each => !available.some(({ name: found }) => found === each)),
        drop: async () => {
          if (!disposable) await within({ name: 'scratch', connection, log }, again => dropDatabase(again, name));
        },
      };
    }, unlimited),
  );
}

/**
 * Drops the temporary databases of bots that are gone.
 * @returns their names.
 */
export async function dropAbandonedDatabases(connection: Connection, now: Date, log: Log): Promise<string[]> {
  return within({ name: 'scratch', connection, log }, async server => {
    const dropped: string[] = [];
    for (const { name } of await server.ask(scratchDatabases, [scratchPrefix])) {
      if (!(await isAbandonedName(name, now))) continue;
      await dropDatabase(server, name);
      dropped.push(name);
    }
    return dropped;
  });
}

async function dropDatabase(server: Target, name: string): Promise<void> {
  await server.withSession(
    session => session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`),
    unlimited,
  );
}

/** Whoever owns something or was granted something, and the tablespaces, as folders of the server's own. */
async function createSurroundings(session: Session, { roles, superusers, tablespaces }: Definitions): Promise<void> {
  const existing = new Set((await session.ask(existingRoles, [roles])).map(({ name }) => name));
  for (const role of roles.filter(name => !existing.has(name))) {
    await session.query(`CREATE ROLE ${quoteIdentifier(role)} NOLOGIN${superusers.includes(role) ? ' SUPERUSER' : ''}`);
  }
  for (const name of tablespaces) await session.query(`CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION ''`);
}

/** @returns what is not as in the source. */
async function createDatabase(session: Session, name: string, options: string | undefined): Promise<string[]> {
  const create = `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`;
  const plain = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'";
  if (options === undefined) {
    await session.query(`${create} ${plain}`);
    return ['The backup does not say its collation: restored with UTF8 and C.'];
  }
  try {
    await session.query(`${create} ${options}`);
    return [];
  } catch (error) {
    if (!localeRefused.has(sqlState(error) ?? '')) throw refused(error);
    await session.query(`${create} ${plain}`);
    return [`The server lacks the collation of the source (${options}): restored with UTF8 and C.`];
  }
}

function refused(cause: unknown): unknown {
  if (sqlState(cause) !== '42501') return cause;
  return new UserError('The role may not create a database on the scratch server.', {
    hint: 'Give it the attribute CREATEDB there.',
    cause,
  });
}
