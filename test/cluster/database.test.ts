import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from './database.ts';
import { botRoleStatements, createBotRole, createWalsenderRole, dropRoles } from './roles.ts';

describe("a test file's own database", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('holds the portal, and nobody else sees what is done to it', async () => {
    const other = await freshDatabase();
    await other.admin.sql('truncate users cascade');
    expect(await database.admin.sql('select count(*)::int as users from users')).toEqual([{ users: 40 }]);
    await other.drop();
    expect(await database.admin.sql('select from pg_database where datname = $1', [other.name])).toEqual([]);
    expect(await database.admin.sql('select from pg_roles where rolname = $1', [other.bot.user])).toEqual([]);
  });

  test('counts statements where pg_stat_statements is installed', async () => {
    const [{ installed }] = await database.admin.sql(
      "select exists (select from pg_available_extensions where name = 'pg_stat_statements') as installed",
    );
    if (!installed) return;
    const session = await database.openSession();
    await session.query('select 1 as counted_by_the_extension');
    const [{ calls }] = await database.admin.sql(
      "select sum(calls)::int as calls from pg_stat_statements where query like '%counted_by_the_extension%' and dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'",
    );
    expect(calls).toBe(1);
  });

  test('a session idle in transaction, one blocked behind it, and a running one are what others see', async () => {
    const [idle, blocked, busy] = [
      await database.openSession({ applicationName: 'nightly-report' }),
      await database.openSession(),
      await database.openSession({ applicationName: 'portal-worker' }),
    ];
    await database.idleInTransaction(idle, '"Invoices"');
    const waiting = await database.blockedBy(idle, blocked, '"Invoices"');
    const sleeping = await database.running(busy, 'select pg_sleep(600)');

    const seen = await database.admin.sql(
      'select pid, application_name, state, pg_blocking_pids(pid) as blockers from pg_stat_activity where pid = any ($1) order by array_position($1, pid)',
      [[idle.pid, blocked.pid, busy.pid]],
    );
    expect(seen).toEqual([
      { pid: idle.pid, application_name: 'nightly-report', state: 'idle in transaction', blockers: [] },
      { pid: blocked.pid, application_name: 'portal-bff', state: 'active', blockers: [idle.pid] },
      { pid: busy.pid, application_name: 'portal-worker', state: 'active', blockers: [] },
    ]);

    await database.admin.sql('select pg_terminate_backend($1)', [idle.pid]);
    expect(await idle.ended).toMatchObject({ code: '57P01' });
    expect(await waiting.outcome).toBeUndefined();
    await database.admin.sql('select pg_cancel_backend($1)', [busy.pid]);
    expect(await sleeping.outcome).toMatchObject({ code: '57014' });
  });

  test('drop cuts what still runs and waits', async () => {
    const other = await freshDatabase();
    const [idle, blocked, busy] = [await other.openSession(), await other.openSession(), await other.openSession()];
    await other.idleInTransaction(idle, 'users');
    const waiting = await other.blockedBy(idle, blocked, 'users');
    const sleeping = await other.running(busy, 'select pg_sleep(600)');
    await other.drop();
    expect(await sleeping.outcome).toBeInstanceOf(Error);
    await waiting.outcome;
    const left = await database.cluster.backends();
    expect(left.filter(backend => backend.database === other.name)).toEqual([]);
  });
});

describe("the bot's role", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('has exactly the privileges of its statements, and no other attribute', async () => {
    const [role] = await database.admin.sql(
      `select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin, rolconnlimit,
         array(select granted.rolname::text from pg_auth_members join pg_roles granted on granted.oid = roleid
               where member = pg_roles.oid order by 1) as memberships
       from pg_roles where rolname = $1`,
      [database.bot.user],
    );
    expect(role).toEqual({
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
      rolcanlogin: true,
      rolconnlimit: 10,
      memberships: [
        'pg_monitor',
        'pg_read_all_data',
        'pg_signal_backend',
        ...(database.cluster.major >= 16 ? ['pg_use_reserved_connections'] : []),
      ],
    });
  });

  test('reads the portal, sees and ends its sessions, and changes nothing', async () => {
    const bot = await database.openSession({ login: database.bot });
    const victim = await database.openSession();
    const sleeping = await database.running(victim, 'select pg_sleep(600)');
    expect(await bot.query('select count(*)::int as mappings from id_mappings')).toEqual([{ mappings: 43 }]);
    expect(await bot.query('select query from pg_stat_activity where pid = $1', [victim.pid])).toEqual([
      { query: 'select pg_sleep(600)' },
    ]);
    await expect(bot.query('delete from users')).rejects.toMatchObject({ code: '42501' });
    expect(await bot.query('select pg_terminate_backend($1) as sent', [victim.pid])).toEqual([{ sent: true }]);
    expect(await sleeping.outcome).toMatchObject({ code: '57P01' });
    expect(await victim.ended).toBeInstanceOf(Error);
  });

  test('asks only for predefined roles that a server of that version has', () => {
    const login = { user: 'chatops', password: "it's" };
    const memberships = (major: number) => botRoleStatements(major, login)[1];
    expect(botRoleStatements(13, login)[0]).toBe(`CREATE ROLE "chatops" LOGIN PASSWORD 'it''s' CONNECTION LIMIT 10`);
    expect(memberships(13)).toBe('GRANT pg_monitor, pg_signal_backend TO "chatops"');
    expect(memberships(15)).toBe('GRANT pg_monitor, pg_signal_backend, pg_read_all_data TO "chatops"');
    expect(memberships(16)).toContain(', pg_use_reserved_connections TO');
  });

  test('cannot bear a name that begins with pg_, which PostgreSQL keeps for itself', async () => {
    await expect(createBotRole(database.cluster, 'pg_chatops')).rejects.toMatchObject({ code: '42939' });
  });

  test('a walsender role runs SQL on a replication connection', async () => {
    const walsender = await createWalsenderRole(database.cluster, `walsender_${database.name}`);
    const client = new pg.Client({
      connectionString: database.cluster.url(database.name, walsender),
      replication: 'database',
    } as pg.ClientConfig);
    await client.connect();
    const { rows } = await client.query('select backend_type from pg_stat_activity where pid = pg_backend_pid()');
    expect(rows).toEqual([{ backend_type: 'walsender' }]);
    await client.end();
    await dropRoles(database.cluster, walsender);
  });
});
