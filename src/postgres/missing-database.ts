import { utc } from '../../blocks/text.ts';
import { clientsOf, drop, query } from './client.ts';
import { type Connection, inDatabase } from './connection-url.ts';
import { TargetError } from './errors.ts';
import { quoteIdentifier } from './identifiers.ts';
import { parseRows } from './session.ts';
import type { SessionLimits } from './session-settings.ts';
import { commentStatement, type Mark, setAsideNames } from './set-aside.ts';

/** Each of two databases is tried so long at most, milliseconds: an answer is waited for. */
const within = 1_500;

interface SetAside {
  readonly name: string;
  readonly mark: Mark;
}

/**
 * Where a target's database is not on its server (3D000) and a restore has set one aside there, says how to give that
 * one the name back. Any other error stays as it is.
 */
export async function withWayBack(error: Error, connection: Connection, limits: SessionLimits): Promise<Error> {
  if (!(error instanceof TargetError) || error.code !== '3D000' || connection.prisma.pgbouncer) return error;
  const before = await newestBefore(connection, limits);
  if (!before) return error;
  const { code, detail, message, hint } = error;
  return new TargetError(message, {
    cause: error,
    code,
    ...(detail !== undefined && { detail }),
    hint: `${wayBack(connection.database, before)}\n${hint ?? ''}`,
  });
}

function wayBack(database: string, { name, mark }: SetAside): string {
  const [from, to] = [quoteIdentifier(name), quoteIdentifier(database)];
  const statements = [
    `ALTER DATABASE ${from} RENAME TO ${to};`,
    `ALTER DATABASE ${to} ALLOW_CONNECTIONS true;`,
    `${commentStatement(database, null)};`,
  ];
  return `The database as it was before ${mark.action}, ${utc(new Date(mark.at))}, is still there. Its owner gives it the name back from the database postgres: \`${statements.join(' ')}\``;
}

async function newestBefore(connection: Connection, limits: SessionLimits): Promise<SetAside | undefined> {
  for (const database of ['postgres', 'template1']) {
    const found = await setAside(inDatabase(connection, database), limits).catch(() => undefined);
    const before = found
      ?.filter(({ mark }) => mark.of === connection.database && (mark.role === 'before' || mark.role === 'returning'))
      .toSorted((a, b) => b.mark.at.localeCompare(a.mark.at));
    if (before) return before[0];
  }
  return undefined;
}

async function setAside(connection: Connection, limits: SessionLimits): Promise<SetAside[]> {
  const client = await clientsOf(connection, { connectTimeout: within }).open(limits);
  try {
    const { rows } = await query(client, String(setAsideNames.sql), [], within);
    return parseRows(setAsideNames, rows).flatMap(({ name, mark }) => (mark ? [{ name, mark }] : []));
  } finally {
    drop(client);
  }
}
