import { z } from 'zod';
import { UserError } from '../errors.ts';
import { asRole, type Connection } from '../postgres/connection-url.ts';
import { sqlState } from '../postgres/errors.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { inDatabase, within } from '../postgres/maintenance.ts';
import type { Question } from '../postgres/question.ts';
import type { Log, Session, Target } from '../postgres/target.ts';
import { inspectProcess } from '../tools/processes.ts';
import type { Definitions } from './dump-definitions.ts';
import { createLoader, createSurroundings, prepareForLoader } from './scratch-loader.ts';
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
  /** Extensions and schemas of the dump that are there already. */
  readonly madeExtensions: readonly string[];
  readonly madeSchemas: readonly string[];
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

const ownRole: Question<{ superuser: boolean }> = {
  name: 'own_role',
  sql: 'SELECT rolsuper AS superuser FROM pg_catalog.pg_roles WHERE rolname = current_user',
  row: z.object({ superuser: z.boolean() }),
};

/** Databases, and the roles that are named as they are. */
const scratchNames: Question<{ name: string }> = {
  name: 'scratch_names',
  sql: `
SELECT datname::text AS name FROM pg_catalog.pg_database
WHERE pg_catalog.starts_with(datname::text, $1) AND pg_catalog.pg_has_role(datdba, 'MEMBER')
UNION
SELECT r.rolname::text FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_roles own ON own.rolname = current_user
WHERE pg_catalog.starts_with(r.rolname::text, $1) AND own.rolsuper`,
  row: z.object({ name: z.string() }),
};

/**
 * What CREATE DATABASE says to a locale that this machine lacks: invalid_parameter_value, wrong_object_type,
 * undefined_object, invalid_object_definition, feature_not_supported (no ICU).
 */
const localeRefused = new Set(['22023', '42809', '42704', '42P17', '0A000']);

const unlimited = { readOnly: false, statementTimeout: 0, lockTimeout: 10_000 } as const;

/**
 * Creates an empty database with the encoding and collation of the one that was dumped. On a server that is thrown away,
 * and wherever the connection is a superuser's, the dump is loaded by a role of its own that is none.
 *
 * @throws UserError when the server refuses, NotDone when it cannot create an extension of the dump.
 */
export async function createScratchDatabase(request: ScratchRequest): Promise<ScratchDatabase> {
  const { connection, disposable, definitions, now, log } = request;
  return within({ name: 'scratch', connection, log }, server =>
    server.withSession(async session => {
      const bot = await inspectProcess(process.pid);
      if (!bot) throw new Error('This process cannot be found among the running ones.');
      const name = scratchName(bot, now);
      const [role] = await session.ask(ownRole);
      const wanted = definitions.extensions.map(extension => extension.name);
      const available = (await session.ask(availableExtensions, [[...wanted, 'amcheck']])).map(each => each.name);
      const missingExtensions = wanted.filter(each => !available.includes(each));
      const drop = async () => {
        if (!disposable) await within({ name: 'scratch', connection, log }, again => dropDatabase(again, name));
      };
      try {
        const loader = role?.superuser === true ? await createLoader(session, name) : undefined;
        if (loader && disposable) await createSurroundings(session, loader, definitions);
        const notes = await createDatabase(session, name, { options: definitions.database, owner: loader?.name });
        const database = inDatabase(connection, name);
        const amcheck = available.includes('amcheck');
        const madeSchemas =
          loader && missingExtensions.length === 0
            ? await within({ name: 'scratch', connection: database, log }, scratch =>
                scratch.withSession(
                  inside => prepareForLoader(inside, loader, { definitions, amcheck, owners: disposable }),
                  unlimited,
                ),
              )
            : [];
        if (loader && disposable) await session.query(`GRANT CREATE ON DATABASE ${quoteIdentifier(name)} TO PUBLIC`);
        return {
          connection: loader ? asRole(database, loader) : database,
          owners: disposable,
          notes: disposable ? notes : [...notes, 'Owners and grants were left out there.'],
          missingExtensions,
          madeExtensions: loader ? wanted : [],
          madeSchemas,
          drop,
        };
      } catch (error) {
        await drop();
        throw error;
      }
    }, unlimited),
  );
}

/**
 * Drops the temporary databases of bots that are gone, and the roles that loaded dumps into them.
 * @returns their names.
 */
export async function dropAbandonedDatabases(connection: Connection, now: Date, log: Log): Promise<string[]> {
  return within({ name: 'scratch', connection, log }, async server => {
    const dropped: string[] = [];
    for (const { name } of await server.ask(scratchNames, [scratchPrefix])) {
      if (!(await isAbandonedName(name, now))) continue;
      await dropDatabase(server, name);
      dropped.push(name);
    }
    return dropped;
  });
}

/** And the role that is named like it, which only a superuser has made and can drop. */
async function dropDatabase(server: Target, name: string): Promise<void> {
  await server.withSession(async session => {
    await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    const [role] = await session.ask(ownRole);
    if (role?.superuser === true) await session.query(`DROP ROLE IF EXISTS ${quoteIdentifier(name)}`);
  }, unlimited);
}

/** @returns what is not as in the source. */
async function createDatabase(
  session: Session,
  name: string,
  { options, owner }: { options: string | undefined; owner: string | undefined },
): Promise<string[]> {
  const create = `CREATE DATABASE ${quoteIdentifier(name)} ${owner === undefined ? '' : `OWNER ${quoteIdentifier(owner)} `}TEMPLATE template0`;
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
