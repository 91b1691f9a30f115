import { expect, test } from '@jest/globals';
import { type PoolFacts, poolView } from '../../blocks/pool.ts';

const facts: PoolFacts = {
  target: 'portal',
  actionId: 'A-1042',
  findings: [],
  pool: { connectionLimit: 10, poolTimeout: 20, pgbouncer: false, instances: 3, fromApplication: true },
  demand: 30,
  capacity: 93,
  recommended: 20,
  server: {
    used: 12,
    max: 100,
    reserved: 3,
    holders: [
      { user: 'portal', application: 'portal-bff', address: '10.0.0.7', sessions: 9, active: 2, idleInTransaction: 0 },
      { user: null, application: '', address: null, sessions: 1, active: 0, idleInTransaction: 1 },
    ],
  },
};

test('pools that fit, and who holds connections', () => {
  expect(poolView(facts).text).toMatchInlineSnapshot(`
"🟢 Connection pools on portal: all well
Pool: connection_limit 10, pool_timeout 20 s
Instances: 3, up to 30 connections together, 60 while a deploy runs old and new ones side by side; 93 can be had beside the bot's own
Recommended: connection_limit 20 an instance, pool_timeout 10 to 30 s
Connections: ▰▱▱▱▱▱▱▱▱▱ 12 of 97 usable
Sessions of this database
Who                 From      Sessions  Active  Idle in transaction
portal-bff, portal  10.0.0.7         9       2                    0
no name             socket           1       0                    1"
`);
});

test('what is not known is said', () => {
  const { text } = poolView({
    ...facts,
    pool: {
      connectionLimit: undefined,
      poolTimeout: undefined,
      pgbouncer: true,
      instances: undefined,
      fromApplication: false,
    },
    demand: undefined,
    recommended: undefined,
    server: { ...facts.server, holders: [] },
  });
  expect(text).toContain('Pool: connection_limit not given, pool_timeout not given, 10 s, through PgBouncer');
  expect(text).toContain('Recommended: a pooler in front');
  expect(text).toContain('`application_url_env` of the target names');
  expect(text).toContain('set `instances` of the target in the config');
});
