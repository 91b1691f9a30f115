import { UserError } from '../errors.ts';
import { type PrismaSettings, parseParameters, type TlsSettings } from './connection-parameters.ts';

/** Where a target is and how to log in; what DATABASE_URL says, in any of the ways Prisma and libpq write it. */
export interface Connection {
  /** A host name, an address, or the folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty where none is needed. Not enumerable, so that no log prints it; a spread leaves it out. */
  readonly password: string;
  readonly database: string;
  readonly tls: TlsSettings;
  /** Prisma's `schema=`: where unqualified names are looked up. */
  readonly searchPath: readonly string[] | undefined;
  /** `options=` for the server, as libpq takes them: `-c geqo=off`. */
  readonly options: string | undefined;
  readonly prisma: PrismaSettings;
}

/** A connection string that cannot be used; the string itself is in no message. */
export class ConnectionUrlError extends UserError {
  override readonly name = 'ConnectionUrlError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The connection string cannot be used: ${problems.join('; ')}.`, {
      hint: 'It looks like postgresql://user:password@host:5432/database?schema=public; special characters of the password are percent-encoded.',
    });
    this.problems = problems;
  }
}

const form =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<host>\[[^\]]*\]|[^:@/?#]*)(?::(?<port>\d*))?(?:\/(?<database>[^@?#]*))?(?:\?(?<query>[^@#]*))?$/i;

/**
 * Reads a connection string. Parameters of Prisma (connection_limit, pool_timeout, schema, pgbouncer…) are understood
 * and never reach the server or a client program, which would refuse them.
 *
 * @throws ConnectionUrlError with all that is wrong, in words, without the string or any part of the password.
 */
export function parseConnectionUrl(text: string): Connection {
  const parts = form.exec(text.trim())?.groups;
  if (!parts) throw new ConnectionUrlError([whyNot(text.trim())]);

  const problems: string[] = [];
  const decode = (what: string, value = '') => {
    try {
      return decodeURIComponent(value);
    } catch {
      problems.push(`the ${what} holds a % that starts no code; write %25 for %`);
      return '';
    }
  };
  const parameters = parseParameters(new URLSearchParams(parts.query), problems);
  const host = parameters.host ?? decode('host', parts.host?.replace(/^\[(.*)\]$/, '$1'));
  const user = parameters.user ?? decode('user', parts.user);
  const password = parameters.password ?? decode('password', parts.password);
  const database = decode('database', parts.database);
  const port = parameters.port ?? Number(parts.port || 5432);
  if (host === '') problems.push('the host is missing');
  if (/[\s,]/.test(host)) problems.push('the host is not one name or address');
  if (user === '') problems.push('the user is missing');
  if (database === '') problems.push('the database is missing');
  if (port < 1 || port > 65_535) problems.push('the port must be 1 to 65535');
  if ([host, user, database, password].some(value => value.includes('\0'))) problems.push('it holds a zero byte');
  if (problems.length > 0) throw new ConnectionUrlError(problems);

  const { tls, searchPath, options, prisma } = parameters;
  return withPassword({ host, port, user, database, tls, searchPath, options, prisma }, password);
}

/** The same server and role, another database. */
export function inDatabase(connection: Connection, database: string): Connection {
  return withPassword({ ...connection, database }, connection.password);
}

/** The same server and database, another role. */
export function asRole(connection: Connection, { name, password }: { name: string; password: string }): Connection {
  return withPassword({ ...connection, user: name }, password);
}

/** Not enumerable, so that no log and no spread takes it along. */
function withPassword(connection: Omit<Connection, 'password'>, password: string): Connection {
  return Object.defineProperty({ ...connection, password }, 'password', { enumerable: false });
}

/** Names the place without the password: `db.example:5432, database portal, user chatops`. */
export function describe({ host, port, database, user }: Connection): string {
  return `${host}:${port}, database ${database}, user ${user}`;
}

/**
 * The same place for pg_dump, pg_restore, pg_amcheck and psql: variables of their environment, as an argv can be read
 * by everybody on the machine. https://www.postgresql.org/docs/current/libpq-envars.html
 * A client certificate in PKCS #12 (Prisma's sslidentity) is left out: libpq reads sslcert and sslkey only.
 *
 * @param options.applicationName what pg_stat_activity shows.
 */
export function toEnvironment(
  connection: Connection,
  { applicationName, connectTimeoutSeconds = 5 }: { applicationName?: string; connectTimeoutSeconds?: number } = {},
): Record<string, string> {
  const { host, port, user, password, database, tls, options, prisma } = connection;
  const all: Record<string, string | undefined> = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password === '' ? undefined : password,
    PGDATABASE: database,
    PGSSLMODE: tls.mode,
    PGSSLROOTCERT: tls.rootCertificate,
    PGSSLCERT: tls.certificate,
    PGSSLKEY: tls.key,
    PGOPTIONS: prisma.pgbouncer ? undefined : options,
    PGCONNECT_TIMEOUT: String(connectTimeoutSeconds),
    PGAPPNAME: applicationName,
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What is wrong with a string that has not even the form of a connection string. */
function whyNot(text: string): string {
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return 'it must start with postgresql:// or postgres://';
  if (/:\/\/.*@/s.test(text) && /[#?/@].*@|#/s.test(text.replace(/^[^/]*:\/\//, ''))) {
    return 'in a user or password, write # as %23, / as %2F, ? as %3F and @ as %40';
  }
  if (/:\/\/[^/?]*,/.test(text)) return 'it names several hosts; name one';
  return 'host or port cannot be read; a port is a number';
}
