/** An incident from page to page: who is connected, who works, who waits; and each button's way to its end. */
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { startCluster } from '../cluster/cluster.ts';
import { freshDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole } from '../cluster/roles.ts';
import type { Session } from '../cluster/session.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import { openOffice } from './office.ts';

/** A server of its own: buttons are for the longest of all its sessions, whoever's they are. */
const cluster = await startCluster({ settings: { max_connections: '40', max_prepared_transactions: '5' } });
const portal = await createPortalRole(cluster);
await createPortal(cluster, templateDatabase, { owner: portal });

/** A tenth of a second idle in transaction is long here. */
const office = await openOffice({
  database: await freshDatabase({ cluster, portal }),
  yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    thresholds:
      idle_in_transaction_seconds: { attention: 0.1, critical: 3600 }
`,
});
const { slack, ada, ben, cleo, database } = office;
const sessions: Session[] = [];

afterEach(async () => {
  slack.faults.clear();
  await Promise.all(sessions.splice(0).map(session => session.close()));
  expect(slack.violations).toEqual([]);
});
afterAll(async () => {
  await office.close();
  await cluster.stop();
});

const prepared = () => database.admin.sql<{ gid: string }>('select gid from pg_prepared_xacts');

async function open(applicationName: string): Promise<Session> {
  const session = await database.openSession({ applicationName });
  sessions.push(session);
  return session;
}

/** A forgotten transaction with somebody who waits for it. */
async function incident(): Promise<{ holder: Session; waiter: Session }> {
  const holder = await open('nightly-report');
  await database.idleInTransaction(holder, 'orders');
  const waiter = await open('portal-bff');
  await database.blockedBy(holder, waiter, 'orders');
  return { holder, waiter };
}

test("ben clicks Kill under /db locks: it is his request, cleo's approval, and the root is gone", async () => {
  const { holder, waiter } = await incident();
  await ada.types('/db locks');
  const page = await office.reads('#incident', `Kill ${holder.pid}`);
  expect(page.text).toMatch(new RegExp(`pid ${holder.pid}, .*holds up \\*1 session\\*.*a row of orders`));
  await ben.clicks(`Kill ${holder.pid}`);
  const card = await office.reads('#incident', /@ben asks on .*\/db kill \d+/);
  await ben.clicks('Approve', { on: card });
  await office.sees(ben, 'someone else has to approve it');
  await cleo.clicks('Approve', { on: card });
  await office.reads('#incident', `Backend ${holder.pid} is gone`);
  expect(await holder.ended).toMatchObject({ code: '57P01' });
  const waits = "select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'";
  // It was let in when the root ended, and shows so as soon as it has woken.
  await until('the other waits no longer', async () => {
    return (await database.admin.sql(waits, [waiter.pid])).length === 0;
  });
});

test('where Slack refuses tables, the page comes with its table as text and with its buttons', async () => {
  const { holder } = await incident();
  slack.faults.rejectBlocks(['data_table', 'table']);
  await ada.types('/db queries --longer-than 0s');
  const page = await office.reads('#incident', 'At work, or in a transaction, for 0 s or longer');
  const types = (page.blocks ?? []).map(block => (block as { type: string }).type);
  expect(types).not.toContain('data_table');
  expect(types).toEqual(expect.arrayContaining(['header', 'rich_text', 'actions']));
  await ada.clicks(`Kill ${holder.pid}`, { on: page });
  await office.reads('#incident', new RegExp(`@ada asks on .*/db kill ${holder.pid} --on`));
});

test('where the bot may not post, an answer by response_url gives its table as text, too', async () => {
  const { holder } = await incident();
  slack.faults.rejectBlocks(['data_table', 'table']);
  slack.faults.scopes.delete('chat:write');
  try {
    await ada.types('/db queries --longer-than 0s');
    const page = await office.reads('#incident', new RegExp(`${holder.pid} .* idle in transaction +nightly-report`));
    const types = (page.blocks ?? []).map(block => (block as { type: string }).type);
    expect(types).toEqual(expect.arrayContaining(['header', 'rich_text', 'actions']));
  } finally {
    slack.faults.scopes.add('chat:write');
  }
});

test('more sessions than the table shows come as a file, too, and no literal of a query anywhere', async () => {
  for (let index = 0; index < 12; index += 1) {
    const session = await open(`worker ${index}`);
    await session.query('begin');
    await session.query("select 'ada@example.com'");
  }
  await ada.types('/db queries --longer-than 0s');
  const page = await office.reads('#incident', /At work.*: 10 of \d+/);
  const file = await slack.until(
    () =>
      ada
        .sees('#incident')
        .flatMap(({ files = [] }) => files)
        .find(({ name }) => name === 'queries.csv'),
    'the file is there',
  );
  const content = String(slack.file(file.id));
  const lines = content.trim().split('\r\n');
  expect(lines.length).toBeGreaterThan(12);
  expect(lines[0]).toBe(
    'pid,query_seconds,transaction_seconds,state,wait_event,blocked_by,user,database,application,client,query',
  );
  expect(content + JSON.stringify(page)).not.toContain('ada@example.com');
});

test('connections: who sits idle in transaction can be ended from there', async () => {
  const { holder } = await incident();
  await until('it has been idle for long enough', async () => {
    const idle = "state_change < clock_timestamp() - interval '150 ms'";
    return (
      (await database.admin.sql(`select from pg_stat_activity where pid = $1 and ${idle}`, [holder.pid])).length > 0
    );
  });
  await ada.types('/db connections');
  const page = await office.reads('#incident', /Connections on portal: needs attention/);
  expect(page.text).toMatch(/1 session idle in transaction, the longest for/);
  await ada.clicks(`Kill ${holder.pid}`, { on: page });
  const card = await office.reads('#incident', new RegExp(`@ada asks on .*/db kill ${holder.pid} --on portal`));
  await ben.clicks('Approve', { on: card });
  await office.reads('#incident', `Backend ${holder.pid} is gone`);
});

test('a prepared transaction: refused to a bot without the right, then rolled back by two people', async () => {
  const coordinator = await open('coordinator');
  await coordinator.query('begin');
  await coordinator.query('lock table orders in share mode');
  const gid = `pay "42" & ${database.name}`;
  await coordinator.query(`prepare transaction '${gid}'`);
  await ada.types('/db locks');
  const without = await office.reads('#incident', /The prepared transaction `?pay/);
  expect(JSON.stringify(without.blocks)).not.toContain('Roll back');
  await ada.types(`/db rollback-prepared '${gid}'`);
  await office.sees(ada, /Only portal, who prepared it, or a superuser may roll back/);
  await database.admin.sql(`grant portal to ${database.bot.user}`);
  await ada.types('/db locks');
  const page = await office.reads('#incident', 'Roll back');
  await ada.clicks('Roll back', { on: page });
  const card = await office.reads('#incident', /Roll back the prepared transaction pay.*SET ROLE/s);
  await ben.clicks('Approve', { on: card });
  await office.reads('#incident', /The prepared transaction `?pay .* is rolled back/);
  await office.reads('#db-audit', /ROLLBACK PREPARED/);
  expect(await prepared()).toEqual([]);
});

test('a button that names no read of the bot asks for nothing', async () => {
  const { holder } = await incident();
  const asked = () => office.transcript('#incident').filter(text => text.includes(`/db kill ${holder.pid}`)).length;
  const request = await office.asksToKill(holder);
  const told = () =>
    office.seenBy(ben, '#incident').filter(text => text.includes('This step is no longer offered')).length;
  const forged = [`${request} kill ${holder.pid}`, `A-999999 kill ${holder.pid}`, `kill ${holder.pid}`, ''];
  for (const [before, value] of forged.entries()) {
    await ben.clicksRaw({ action_id: 'next', value });
    await slack.until(() => told() === before + 1, `ben is told that “${value}” is not offered`);
  }
  expect(asked()).toBe(1);
});

test('a guest who clicks is refused as if typing', async () => {
  const { holder } = await incident();
  await ada.types('/db locks');
  const page = await office.reads('#incident', `Kill ${holder.pid}`);
  const gil = slack.person('gil');
  await gil.clicks(`Kill ${holder.pid}`, { on: page });
  await slack.until(
    () => slack.calls.some(call => JSON.stringify(call.args).includes('guest')),
    'gil is told that guests may not',
  );
  expect(office.transcript('#incident').some(text => text.includes('@gil asks'))).toBe(false);
});
