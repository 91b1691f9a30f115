import { closestMatch, default as distance } from 'leven';

/** libpq's words for how the connection is protected. https://www.postgresql.org/docs/current/libpq-ssl.html */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface TlsSettings {
  readonly mode: TlsMode;
  /** Paths of files. */
  readonly rootCertificate: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Certificate and key in one PKCS #12 file, with its password: Prisma's sslidentity and sslpassword. */
  readonly identity: { readonly path: string; readonly password: string } | undefined;
}

/** What Prisma's client is told by the same string; shown in advice, never sent to the server. */
export interface PrismaSettings {
  /** Connections of one Prisma client; its default is two for each CPU and one more. */
  readonly connectionLimit: number | undefined;
  /** Seconds; 0 is without end. */
  readonly poolTimeout: number | undefined;
  /** A pooler in transaction mode is in between: no session keeps its settings. */
  readonly pgbouncer: boolean;
}

export interface Parameters {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsSettings;
  readonly searchPath: readonly string[] | undefined;
  readonly options: string | undefined;
  readonly prisma: PrismaSettings;
}

/** Understood, and without meaning for the bot, which sets its own limits and its own name. */
const withoutEffect = [
  'application_name',
  'channel_binding',
  'connect_timeout',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'max_connection_lifetime',
  'max_idle_connection_lifetime',
  'single_use_connections',
  'socket_timeout',
  'sslnegotiation',
  'sslsni',
  'statement_cache_size',
  'target_session_attrs',
  'uselibpqcompat',
];

const withEffect = [
  'connection_limit',
  'host',
  'options',
  'password',
  'pgbouncer',
  'pool_timeout',
  'port',
  'schema',
  'ssl',
  'sslaccept',
  'sslcert',
  'sslidentity',
  'sslkey',
  'sslmode',
  'sslpassword',
  'sslrootcert',
  'user',
];

const numbers = [
  'connect_timeout',
  'connection_limit',
  'pool_timeout',
  'port',
  'socket_timeout',
  'statement_cache_size',
];

/**
 * Reads the part after the question mark: parameters of libpq and of Prisma.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS and
 * https://www.prisma.io/docs/orm/overview/databases/postgresql#connection-details
 *
 * @param problems what is wrong is added to it, in words.
 */
export function parseParameters(query: URLSearchParams, problems: string[]): Parameters {
  const known = [...withEffect, ...withoutEffect];
  for (const name of new Set(query.keys())) {
    if (!known.includes(name)) problems.push(unknownParameter(name, known));
    else if (query.getAll(name).length > 1) problems.push(`${name} is given twice`);
    else if (numbers.includes(name) && !/^\d{1,9}$/.test(query.get(name)!)) problems.push(`${name} must be a number`);
  }
  const text = (name: string) => query.get(name) || undefined;
  const number = (name: string) => (text(name) === undefined ? undefined : Number(text(name)));
  const schema = text('schema');
  return {
    host: text('host'),
    port: number('port'),
    user: text('user'),
    password: text('password'),
    tls: parseTls(query, problems),
    searchPath: schema === undefined ? undefined : [schema],
    options: text('options'),
    prisma: {
      connectionLimit: number('connection_limit'),
      poolTimeout: number('pool_timeout'),
      pgbouncer: oneOf(query, 'pgbouncer', ['true', 'false'], problems) === 'true',
    },
  };
}

function parseTls(query: URLSearchParams, problems: string[]): TlsSettings {
  const given = oneOf(
    query,
    'sslmode',
    ['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'],
    problems,
  );
  const accept = oneOf(query, 'sslaccept', ['strict', 'accept_invalid_certs'], problems);
  const ssl = oneOf(query, 'ssl', ['true', 'false', '1', '0'], problems);
  const key = query.get('sslkey') || undefined;
  const file = query.get('sslcert') || undefined;
  const identity = query.get('sslidentity') || undefined;
  if (key && !file) problems.push('sslkey needs sslcert beside it');
  return {
    mode: tlsMode(given, accept, ssl),
    // Prisma names the authority's certificate sslcert; libpq names the client's so, and wants a key beside it.
    rootCertificate: query.get('sslrootcert') || (key ? undefined : file),
    certificate: key ? file : undefined,
    key,
    identity: identity === undefined ? undefined : hidePassword(identity, query.get('sslpassword') ?? ''),
  };
}

/** Not enumerable, so that no log prints it. */
function hidePassword(path: string, password: string): NonNullable<TlsSettings['identity']> {
  return Object.defineProperty({ path, password }, 'password', { enumerable: false });
}

function tlsMode(given: string | undefined, accept: string | undefined, ssl: string | undefined): TlsMode {
  const mode = given ?? (ssl === 'true' || ssl === '1' ? 'require' : ssl === undefined ? 'prefer' : 'disable');
  if (accept === 'strict' && mode !== 'disable') return 'verify-full';
  switch (mode) {
    case 'disable':
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return mode;
    case 'no-verify':
      return 'require';
    default:
      return 'prefer';
  }
}

function oneOf(query: URLSearchParams, name: string, values: readonly string[], problems: string[]) {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!values.includes(value)) problems.push(`${name} must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`);
  return value;
}

/** A mistyped sslmode must not quietly open a connection without protection, so nothing unknown is passed over. */
function unknownParameter(name: string, known: readonly string[]): string {
  const shown = /^\w{1,40}$/.test(name) ? `the parameter ${name}` : 'a parameter';
  const near = closestMatch(name, known);
  return near && distance(name, near) <= 2 ? `${shown} is unknown; did you mean ${near}?` : `${shown} is unknown`;
}
