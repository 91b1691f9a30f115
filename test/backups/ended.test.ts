import { expect, test } from '@jest/globals';
import { isEnded } from '../../src/backups/snapshot.ts';
import { explain } from '../../src/postgres/errors.ts';

const place = { target: 'portal', database: 'portal', address: 'db.example:5432' };

test.each([
  ['the server’s last word', Object.assign(new Error('terminating connection'), { code: '57P01', severity: 'FATAL' })],
  [
    'a database that takes no connections',
    Object.assign(new Error('not accepting'), { code: '55000', severity: 'FATAL' }),
  ],
  ['a socket that ended', new Error('Connection terminated unexpectedly')],
  [
    'a client that cannot be used any more',
    new Error('Client has encountered a connection error and is not queryable'),
  ],
  ['a socket that was reset', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })],
])('a backup’s session was ended: %s', (_name, cause) => {
  expect(isEnded(explain(cause, place))).toBe(true);
});

test.each([
  ['a server that is stopped', Object.assign(new Error('connect'), { code: 'ECONNREFUSED', syscall: 'connect' })],
  ['a full disk', Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' })],
  ['a lock', Object.assign(new Error('lock timeout'), { code: '55P03', severity: 'ERROR' })],
])('it was not: %s', (_name, cause) => {
  expect(isEnded(explain(cause, place))).toBe(false);
});
