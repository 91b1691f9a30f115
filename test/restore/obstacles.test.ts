import { expect, test } from '@jest/globals';
import type { UserError } from '../../src/errors.ts';
import type { SwapFacts } from '../../src/postgres/swap-obstacles.ts';
import { refusePlain, requireRights } from '../../src/restore/obstacles.ts';
import { backupOf } from '../backups/manifests.ts';

/** A database that the bot may restore. */
const facts: SwapFacts = {
  oid: '16401',
  database: 'portal',
  owner: 'portal',
  bytes: 8_000_000,
  encoding: 'UTF8',
  collate: 'C',
  ctype: 'C',
  provider: 'c',
  locale: null,
  icuRules: null,
  tablespace: 'pg_default',
  taken: [],
  role: { name: 'chatops', superuser: false, createsDatabases: true, isOwner: true, signals: true },
  standby: false,
  template: false,
  prepared: [],
  slots: [],
  subscriptions: [],
  protectedSessions: [],
  applications: [],
  foreignOwners: [],
  closedTablespaces: [],
  ownerIsSuperuser: false,
  ownedBySuperusers: [],
  forSuperusers: [],
  untrustedExtensions: [],
  superuserExtensions: [],
  extensionGrants: [],
  lastCommit: null,
};

function refusal(work: () => void): UserError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as UserError;
  }
}

test('nobody is advised to give the bot a superuser’s rights', () => {
  const owner = refusal(() =>
    requireRights({ ...facts, owner: 'postgres', ownerIsSuperuser: true, role: { ...facts.role, isOwner: false } }),
  );
  expect(owner?.message).toBe('The bot may not restore portal: it belongs to postgres, a superuser.');
  const part = refusal(() => requireRights({ ...facts, ownedBySuperusers: ['table users', 'function audit()'] }));
  expect(part?.message).toContain('table users, function audit()');
  for (const { hint } of [owner!, part!]) {
    expect(hint).toContain('OWNER TO');
    expect(hint).not.toContain('GRANT');
  }
  const superuser = { ...facts.role, superuser: true };
  expect(refusal(() => requireRights({ ...facts, role: superuser, ownerIsSuperuser: true }))).toBeUndefined();
});

test('plain SQL is refused before anybody approves it, where a part would have to be left out', () => {
  const plain = backupOf({ format: 'plain' });
  const amcheck = { name: 'amcheck', schema: 'public', needed: false };
  const withExtension = { ...facts, untrustedExtensions: [amcheck] };
  expect(refusal(() => refusePlain(plain, withExtension, []))?.message).toContain('extension amcheck');
  expect(refusal(() => refusePlain(plain, facts, ['users']))?.message).toContain('single tables');
  expect(refusal(() => refusePlain(plain, facts, []))).toBeUndefined();
  expect(refusal(() => refusePlain(backupOf(), withExtension, ['users']))).toBeUndefined();
});
