import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import type { Question } from '../postgres/question.ts';
import type { Session } from '../postgres/target.ts';
import type { Definitions } from './dump-definitions.ts';
import { NotDone } from './verify-steps.ts';

/**
 * Who loads a dump, and asks its tables afterwards, where a superuser makes the place for it. Defaults, checks, triggers
 * and index expressions of a dump run as whoever restores it, with a superuser's rights to run programs. So the loader is
 * none, and logs in by itself: from a superuser's session under another name, RESET ROLE would lead back.
 */
export interface Loader {
  readonly name: string;
  readonly password: string;
}

/** Also reads what an owner has forbidden itself, as pg_dump's role did; it comes with PostgreSQL 14. */
const readsAll = 'pg_read_all_data';

const existingRoles: Question<{ name: string }> = {
  name: 'existing_roles',
  sql: 'SELECT rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])',
  row: z.object({ name: z.string() }),
};

/** Tables and sequences of extensions whose rows a dump has: they are the superuser's, as all of its extensions. */
const configurationTables: Question<{ name: string }> = {
  name: 'configuration_tables',
  sql: `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_class c ON c.oid = ANY (e.extconfig)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
  row: z.object({ name: z.string() }),
};

const amcheckFunctions: Question<{ name: string }> = {
  name: 'amcheck_functions',
  sql: `
SELECT d.objid::regprocedure::text AS name
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.classid = 'pg_catalog.pg_proc'::regclass
  AND d.deptype = 'e' AND e.extname = 'amcheck'`,
  row: z.object({ name: z.string() }),
};

const foreignDataWrappers: Question<{ name: string }> = {
  name: 'foreign_data_wrappers',
  sql: 'SELECT fdwname::text AS name FROM pg_catalog.pg_foreign_data_wrapper',
  row: z.object({ name: z.string() }),
};

/** Creates it. BYPASSRLS: a policy would hide rows from the counts. */
export async function createLoader(session: Session, name: string): Promise<Loader> {
  const password = randomBytes(24).toString('hex');
  await session.query(`CREATE ROLE ${quoteIdentifier(name)} LOGIN BYPASSRLS PASSWORD '${password}'`);
  return { name, password };
}

/** On a server that is thrown away: whoever owns something or was granted something, and folders for tablespaces. */
export async function createSurroundings(
  session: Session,
  { name }: Loader,
  { roles, tablespaces }: Definitions,
): Promise<void> {
  const existing = new Set((await session.ask(existingRoles, [[...roles, readsAll]])).map(role => role.name));
  // One that is there already is the superuser, whose member the loader must not become.
  const created = roles.filter(role => !existing.has(role));
  for (const role of created) await session.query(`CREATE ROLE ${quoteIdentifier(role)} NOLOGIN`);
  for (const role of [...created, ...(existing.has(readsAll) ? [readsAll] : [])]) {
    await session.query(`GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(name)}`);
  }
  for (const tablespace of tablespaces.map(quoteIdentifier)) {
    await session.query(`CREATE TABLESPACE ${tablespace} LOCATION ''`);
    await session.query(`GRANT CREATE ON TABLESPACE ${tablespace} TO PUBLIC`);
  }
}

/**
 * Does in the empty database what only a superuser may: the extensions of the dump, and amcheck to look at the tables
 * afterwards. They stay the superuser's: an extension may rely on its owner being one, and withhold functions from all
 * others. No superuser's session comes into the database after this: event triggers of the dump would run in it.
 *
 * @param owners whether the dump's owners are restored. Only to a superuser may any role be given an object; else the
 *   new owner needs to be allowed to create such objects, which all are.
 * @returns the schemas that it made for extensions, which the dump must not make again.
 * @throws NotDone when an extension cannot be created.
 */
export async function prepareForLoader(
  session: Session,
  { name }: Loader,
  {
    definitions: { extensions, schemas },
    amcheck,
    owners,
  }: { definitions: Definitions; amcheck: boolean; owners: boolean },
): Promise<string[]> {
  const loader = quoteIdentifier(name);
  await session.query(`ALTER SCHEMA public OWNER TO ${loader}`);
  const made = schemas.filter(each => extensions.some(({ schema }) => schema === each));
  for (const schema of made) await session.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${loader}`);
  for (const extension of extensions) await createExtension(session, extension);
  for (const table of await session.ask(configurationTables)) {
    await session.query(`GRANT SELECT, INSERT, UPDATE ON TABLE ${table.name} TO ${loader}`);
  }
  if (amcheck) {
    await createExtension(session, { name: 'amcheck', schema: 'pg_catalog' });
    for (const each of await session.ask(amcheckFunctions)) {
      await session.query(`GRANT EXECUTE ON FUNCTION ${each.name} TO ${loader}`);
    }
  }
  for (const wrapper of await session.ask(foreignDataWrappers)) {
    await session.query(`GRANT USAGE ON FOREIGN DATA WRAPPER ${quoteIdentifier(wrapper.name)} TO PUBLIC`);
  }
  if (owners) {
    for (const schema of ['public', ...made].map(quoteIdentifier)) {
      await session.query(`GRANT ALL ON SCHEMA ${schema} TO PUBLIC`);
    }
    await session.query(`ALTER DEFAULT PRIVILEGES FOR ROLE ${loader} GRANT ALL ON SCHEMAS TO PUBLIC`);
  }
  return made;
}

async function createExtension(session: Session, { name, schema }: Definitions['extensions'][number]): Promise<void> {
  const where = schema === undefined ? '' : ` SCHEMA ${quoteIdentifier(schema)}`;
  try {
    await session.query(`CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${where}`);
  } catch (error) {
    throw new NotDone(
      `The extension ${name} cannot be created there: ${error instanceof Error ? error.message : 'unknown'}.`,
      { hint: 'Verify on a server that is set up for it: name it in scratch_url_env.', cause: error },
    );
  }
}
