import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ConnectionUrlError, describe, parseConnectionUrl, toEnvironment } from '../../src/postgres/connection-url.ts';

function problemsOf(text: string): readonly string[] {
  try {
    parseConnectionUrl(text);
  } catch (error) {
    if (error instanceof ConnectionUrlError) return error.problems;
    throw error;
  }
  return [];
}

test("Prisma's own example is understood whole", () => {
  const connection = parseConnectionUrl(
    'postgresql://portal:s3cret@db.example:6432/portal_production?schema=app&connection_limit=10&pool_timeout=20' +
      '&pgbouncer=true&connect_timeout=5&socket_timeout=10&statement_cache_size=0&sslmode=require&application_name=api',
  );
  expect(connection).toMatchObject({
    host: 'db.example',
    port: 6432,
    user: 'portal',
    password: 's3cret',
    database: 'portal_production',
    searchPath: ['app'],
    tls: { mode: 'require' },
    prisma: { connectionLimit: 10, poolTimeout: 20, pgbouncer: true },
  });
});

test.each([
  ['postgres://ada@localhost/portal', { host: 'localhost', port: 5432, user: 'ada', password: '' }],
  ['postgresql://ada@[::1]:80/portal', { host: '::1', port: 80 }],
  ['postgresql://ada:p%40ss%3A%2F%23@h/portal', { password: 'p@ss:/#' }],
  ['postgresql://ada:a:b@h/portal', { password: 'a:b' }],
  ['postgresql://ada@/portal?host=/var/run/postgresql', { host: '/var/run/postgresql', port: 5432 }],
  ['postgresql://ada@%2Ftmp/portal', { host: '/tmp' }],
  ['postgresql:///portal?host=h&user=ada&password=x&port=6000', { host: 'h', user: 'ada', password: 'x', port: 6000 }],
  ['postgresql://ada@h/My%20Portal?options=-c%20geqo%3Doff', { database: 'My Portal', options: '-c geqo=off' }],
  [' postgresql://ada@h/portal\n', { database: 'portal' }],
])('%s', (text, expected) => {
  expect(parseConnectionUrl(text)).toMatchObject(expected);
});

test.each([
  ['sslmode=disable', { mode: 'disable' }],
  ['', { mode: 'prefer' }],
  ['sslmode=allow', { mode: 'prefer' }],
  ['ssl=true', { mode: 'require' }],
  ['ssl=false', { mode: 'disable' }],
  ['sslmode=no-verify', { mode: 'require' }],
  ['sslmode=require&sslaccept=strict&sslcert=ca.pem', { mode: 'verify-full', rootCertificate: 'ca.pem' }],
  ['sslaccept=accept_invalid_certs', { mode: 'prefer' }],
  ['sslmode=verify-ca&sslrootcert=ca.pem', { mode: 'verify-ca', rootCertificate: 'ca.pem' }],
  ['sslcert=me.pem&sslkey=me.key', { certificate: 'me.pem', key: 'me.key', rootCertificate: undefined }],
  ['sslidentity=me.p12&sslpassword=x', { identity: { path: 'me.p12', password: 'x' } }],
])('protection of the connection: ?%s', (query, expected) => {
  expect(parseConnectionUrl(`postgresql://ada@h/portal?${query}`).tls).toMatchObject(expected);
});

test.each([
  ['mysql://ada@h/portal', ['it must start with postgresql:// or postgres://']],
  ['', ['it must start with postgresql:// or postgres://']],
  ['postgresql://ada:p@ss@h/portal', [expect.stringContaining('@ as %40')]],
  ['postgresql://ada:p#ss@h/portal', [expect.stringContaining('# as %23')]],
  ['postgresql://ada:p/ss@h/portal', [expect.stringContaining('/ as %2F')]],
  ['postgresql://ada:12?w@h:5432/portal', [expect.stringContaining('? as %3F')]],
  ['postgresql://ada:50%@h/portal', ['the password holds a % that starts no code; write %25 for %']],
  ['postgresql://ada@a:1,b:2/portal', ['it names several hosts; name one']],
  ['postgresql://ada@h:x/portal', ['host or port cannot be read; a port is a number']],
  ['postgresql://ada@h:70000/portal', ['the port must be 1 to 65535']],
  ['postgresql://', ['the host is missing', 'the user is missing', 'the database is missing']],
  ['postgresql://ada@h/portal?shcema=app', ['the parameter shcema is unknown; did you mean schema?']],
  ['postgresql://ada@h/portal?colour=red', ['the parameter colour is unknown']],
  ['postgresql://ada@h/portal?schema=a&schema=b', ['schema is given twice']],
  ['postgresql://ada@h/portal?sslkey=me.key', ['sslkey needs sslcert beside it']],
  [
    'postgresql://h/?sslmode=always&connection_limit=ten&pgbouncer=yes',
    [
      'connection_limit must be a number',
      expect.stringContaining('sslmode must be disable'),
      'pgbouncer must be true or false',
      'the user is missing',
      'the database is missing',
    ],
  ],
])('%j is refused, with all that is wrong', (text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(text => !text.includes('\0'));

test('whatever the parts are, percent-encoded they come back, and reach client programs', () => {
  fc.assert(
    fc.property(word, word, word, fc.integer({ min: 1, max: 65_535 }), (user, password, database, port) => {
      const [u, p, d] = [user, password, database].map(encodeURIComponent);
      const connection = parseConnectionUrl(`postgresql://${u}:${p}@db.example:${port}/${d}?schema=app`);
      expect(connection).toMatchObject({ host: 'db.example', port, user, password, database });
      expect(toEnvironment(connection)).toMatchObject({
        PGHOST: 'db.example',
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
        PGDATABASE: database,
      });
    }),
  );
});

test('no part of a password is in a message, a description or a printed connection', () => {
  const secret = fc
    .string({
      unit: fc.constantFrom('ß', 'ä', 'ÿ', '§', '@', '#', '/', '?', '%', ':', '&', '=', ' '),
      minLength: 5,
      maxLength: 20,
    })
    .filter(text => /[ßäÿ§]{2}/.test(text));
  fc.assert(
    fc.property(secret, password => {
      try {
        const connection = parseConnectionUrl(`postgresql://ada:${password}@h/portal?sslmode=prefer`);
        expect(`${describe(connection)} ${inspect(connection)} ${JSON.stringify(connection)}`).not.toMatch(/[ßäÿ§]/);
      } catch (error) {
        expect(error).toBeInstanceOf(ConnectionUrlError);
        expect(inspect(error)).not.toMatch(/[ßäÿ§]/);
      }
    }),
  );
});

test('client programs get what libpq knows, and nothing that only Prisma knows', () => {
  const connection = parseConnectionUrl(
    'postgresql://ada@h/portal?schema=app&connection_limit=3&sslmode=verify-full&sslrootcert=ca.pem&options=-c%20jit%3Doff',
  );
  expect(toEnvironment(connection, { applicationName: 'pg-chatops/backup/A-1042' })).toEqual({
    PGHOST: 'h',
    PGPORT: '5432',
    PGUSER: 'ada',
    PGDATABASE: 'portal',
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: 'ca.pem',
    PGOPTIONS: '-c jit=off',
    PGCONNECT_TIMEOUT: '5',
    PGAPPNAME: 'pg-chatops/backup/A-1042',
  });
});
