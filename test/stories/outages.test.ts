import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { freshDatabase } from '../cluster/database.ts';
import { createPortal } from '../cluster/portal.ts';
import { createPortalRole, createWalsenderRole } from '../cluster/roles.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { templateDatabase } from '../cluster/shared.ts';
import { until } from '../cluster/until.ts';
import type { Actor, Message } from '../workspace/workspace.ts';
import { type Office, openOffice } from './office.ts';

/** An answer to whoever asks of a broken target comes within this time, milliseconds. */
const answerWithin = 10_000;

/** What the person sees next, and after how many milliseconds. */
async function asked({ slack, seenBy }: Office, person: Actor, line: string, pattern: RegExp) {
  const before = seenBy(person, '#incident').length;
  const started = performance.now();
  await person.types(line);
  const text = await slack.until(
    () =>
      seenBy(person, '#incident')
        .slice(before)
        .find(each => pattern.test(each)),
    `${pattern}`,
    answerWithin + 2_000,
  );
  return { text, milliseconds: performance.now() - started };
}

/** Nothing broke on the bot's own side, and nothing that was shown broke a rule of Slack. */
function expectWell({ slack, logged }: Office): void {
  expect(logged()).not.toContain('something broke');
  expect(slack.violations.splice(0)).toEqual([]);
}

describe('a target in trouble', () => {
  let cluster: Cluster;
  let office: Office;
  const crowd: Session[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ settings: { max_connections: '14', max_wal_senders: '3' } });
    const portal = await createPortalRole(cluster);
    await createPortal(cluster, templateDatabase, { owner: portal });
    const database = await freshDatabase({ cluster, portal });
    const walsender = await createWalsenderRole(cluster);
    office = await openOffice({
      database,
      environment: {
        PORTAL_EMERGENCY_URL: cluster.url(database.name, walsender),
        PORTAL_URL: database.botUrl,
        DATABASE_URL: undefined,
      },
      yaml: `targets:
  - name: plain
    database_url_env: PORTAL_URL
  - name: emergency
    database_url_env: PORTAL_URL
    emergency_url_env: PORTAL_EMERGENCY_URL
default_target: plain
`,
    });
  });
  afterEach(async () => {
    await Promise.all(crowd.splice(0).map(session => session.close()));
    expectWell(office);
  });
  afterAll(async () => {
    await office.close();
    await cluster.stop();
  });

  /** Takes connections until the server refuses one: those of the bot that are lost do not come back. */
  async function exhaust(): Promise<void> {
    for (;;) {
      try {
        crowd.push(await openSession(office.database.url, { applicationName: 'crowd' }));
      } catch (error) {
        expect(error).toMatchObject({ code: '53300' });
        return;
      }
    }
  }

  async function isWellAgain(flags = ''): Promise<void> {
    await until('the bot is well', async () =>
      /Refresh/.test((await asked(office, office.ada, `/db status ${flags}`, /Refresh|:warning:|⚠/)).text),
    );
  }

  async function killsSomeone(flags = ''): Promise<void> {
    const { ada, ben, slack, transcript, reads } = office;
    const victim = crowd.pop()!;
    await ada.types(`/db kill ${victim.pid} ${flags}`);
    await slack.until(
      () => transcript('#incident').some(text => text.includes(`kill ${victim.pid}`) && /waits for/.test(text)),
      'a card',
      answerWithin,
    );
    await ben.clicks('Approve', { on: await reads('#incident', new RegExp(`waits for[^]*kill ${victim.pid}`)) });
    await reads('#incident', new RegExp(`Backend ${victim.pid} is gone`));
    expect(await victim.ended).toBeInstanceOf(Error);
  }

  test('all connections are taken: status and a kill with its approval work', async () => {
    await isWellAgain();
    await exhaust();
    await asked(office, office.ada, '/db status', /Refresh/);
    await killsSomeone();
  });

  test('all taken, and the bot’s own connections lost: the walsender’s role still sees and kills', async () => {
    await isWellAgain('--on emergency');
    const own = `pid <> pg_backend_pid() and usename = '${office.database.bot.user}'`;
    // The crowd takes the places at once; reserved ones (16 and newer) would let the bot back in.
    await cluster.admin.sql(`alter role ${office.database.bot.user} connection limit 0`);
    await cluster.admin.sql(`select pg_terminate_backend(pid) from pg_stat_activity where ${own}`);
    await until('they are lost', async () => {
      await exhaust();
      return (await cluster.admin.sql(`select from pg_stat_activity where ${own}`)).length === 0;
    });
    try {
      const { text } = await asked(office, office.ada, '/db status --on emergency', /Refresh|connection slot/);
      expect(text).toMatch(/Refresh/);
      await killsSomeone('--on emergency');
      const refused = await asked(office, office.ada, '/db status', /connection slot|too many connections/);
      expect(refused.milliseconds).toBeLessThan(answerWithin);
    } finally {
      await cluster.admin.sql(`alter role ${office.database.bot.user} connection limit 10`);
    }
    await Promise.all(crowd.splice(0).map(session => session.close()));
    await isWellAgain();
  });

  test('another password: said in words, with the address and without any password; mended, it works again', async () => {
    const { user, password } = office.database.bot;
    await cluster.admin.sql(`alter role ${user} password 'another-password'`);
    await cluster.admin.sql(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${user}'`);
    await until('the bot is refused', async () => {
      const { text, milliseconds } = await asked(office, office.ada, '/db status', /password|Refresh/);
      expect(milliseconds).toBeLessThan(answerWithin);
      return /does not accept the bot's password/.test(text);
    });
    expect(office.transcript('#incident').join('\n')).not.toContain(password);
    await cluster.admin.sql(`alter role ${user} password '${password}'`);
    await isWellAgain();
  });

  test('a server that hangs is given up in time, for a read as for a request; then it works again', async () => {
    await isWellAgain();
    await cluster.signal('SIGSTOP');
    try {
      const read = await asked(office, office.ada, '/db status', /does not answer/);
      expect(read.milliseconds).toBeLessThan(answerWithin);
      const request = await asked(office, office.ada, '/db kill 4711', /does not answer/);
      expect(request.milliseconds).toBeLessThan(answerWithin);
    } finally {
      await cluster.signal('SIGCONT');
    }
    await isWellAgain();
  });

  test('a server that is down is said to be; the card of before works when it is back, and finds its backend gone', async () => {
    const { ada, ben, database, reads } = office;
    const victim = await database.openSession({ applicationName: 'victim' });
    const id = await office.asksToKill(victim);
    await cluster.restart();
    await ben.clicks('Approve', { on: await reads('#incident', new RegExp(`${id} waits`)) });
    await reads('#incident', `${id} failed`);
    await reads('#incident', /Nothing was done/);
    await isWellAgain();
    const waiting = await office.asksToKill(await database.openSession({ applicationName: 'other' }));
    process.kill(cluster.pid, 'SIGINT');
    await until('it is down', async () => {
      const { text, milliseconds } = await asked(office, ada, '/db status', /⚠|:warning:|Refresh/);
      expect(milliseconds).toBeLessThan(answerWithin);
      return /cannot be reached/.test(text);
    });
    await ben.clicks('Approve', { on: await reads('#incident', new RegExp(`${waiting} waits`)) });
    await reads('#incident', new RegExp(`${waiting} failed[^]*cannot be reached`));
    await cluster.restart();
    await isWellAgain();
  });

  test('a server that is still starting, or stopping, says that it is', async () => {
    const held = await office.database.openSession({ applicationName: 'held' });
    await isWellAgain();
    process.kill(cluster.pid, 'SIGTERM');
    await cluster.admin.sql('select 1').catch(() => undefined);
    await until('the bot is told', async () => {
      await held
        .query(
          'select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()',
        )
        .catch(() => undefined);
      const { text } = await asked(office, office.ada, '/db status', /⚠|:warning:|Refresh/);
      return /does not take connections now|cannot be reached/.test(text) || text;
    });
    await held.close();
    await cluster.restart();
    await isWellAgain();
  });
});

describe('Slack in trouble', () => {
  let ahead = 0;
  const opening = openOffice({ bot: { now: () => Date.now() + ahead } });
  let office: Office;
  beforeAll(async () => {
    office = await opening;
  });
  beforeEach(() => {
    ahead += 120_000; // what Slack said of a person is remembered for a minute
  });
  afterEach(() => {
    office.slack.faults.clear();
    expectWell(office);
  });
  afterAll(async () => (await opening).close());

  async function isAlive(pid: number): Promise<boolean> {
    return (await office.database.admin.sql('select from pg_stat_activity where pid = $1', [pid])).length === 1;
  }

  test('the bot is not in the channel: reads are answered there all the same', async () => {
    const channel = office.slack.channel('#incident');
    channel.removeBot();
    try {
      await asked(office, office.ada, '/db status', /Refresh/);
      await asked(office, office.ada, '/db nonsense', /There is no command/);
    } finally {
      channel.inviteBot();
    }
  });

  test('the bot is not in the channel: a request is decided, and the requester learns the outcome directly', async () => {
    const { slack, ben, ada } = office;
    const victim = await office.idleSession();
    slack.channel('#incident').removeBot();
    try {
      const id = await office.asksToKill(victim);
      await ben.clicks('Approve');
      await slack.until(async () => !(await isAlive(victim.pid)), 'the end of the backend');
      await slack.until(
        () =>
          [...ada.sees('#incident'), ...ada.sees('@ada')].some(
            each => each.text.includes(id) && /succeeded|is done/.test(each.text),
          ),
        'the outcome for ada',
      );
    } finally {
      slack.channel('#incident').inviteBot();
    }
  });

  test('a private channel without the bot: it cannot tell who reads it, and says what to do', async () => {
    const { slack, ada } = office;
    const channel = slack.channel('#incident');
    channel.setPrivate(true);
    channel.removeBot();
    try {
      await asked(office, ada, '/db status', /\/invite/);
    } finally {
      channel.setPrivate(false);
      channel.inviteBot();
    }
  });

  test('a form that Slack does not open: the approver is told, and the request still waits', async () => {
    const { slack, ben } = office;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    slack.faults.on('views.open', { error: 'expired_trigger_id' });
    await ben.clicks('Deny');
    await office.sees(ben, /did not open the form/);
    slack.faults.clear();
    await ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
  });

  test('Slack does not say who somebody is for long: they are told in time, and nothing is done', async () => {
    const { slack, ada } = office;
    const victim = await office.idleSession();
    slack.faults.on('users.info', { hang: true });
    const { milliseconds } = await asked(office, ada, `/db kill ${victim.pid}`, /Slack did not say who you are/);
    expect(milliseconds).toBeLessThan(answerWithin);
    expect(await isAlive(victim.pid)).toBe(true);
  });

  test.each([['rich_text'], ['context'], ['divider']])(
    'a workspace that refuses %s blocks gets plain text, and Approve works',
    async type => {
      const { slack, ben } = office;
      slack.faults.rejectBlocks([type]);
      const victim = await office.idleSession();
      await office.ada.types(`/db kill ${victim.pid}`);
      const cardOf = new RegExp(`(A-\\d+) needs approval: .*\\b${victim.pid}\\b`);
      const card: Message = await slack.until(
        () => ben.sees('#incident').find(each => cardOf.test(each.text)),
        'the card',
      );
      const [, id] = cardOf.exec(card.text)!;
      await ben.clicks('Approve', { on: card });
      await slack.until(async () => !(await isAlive(victim.pid)), 'the end of the backend');
      await office.reads('#incident', `${id} is done`);
      await office.sees(office.ada, `${id} succeeded`, '@ada');
      slack.violations.splice(0);
    },
  );

  test('the sockets are renewed: commands before, meanwhile and after are answered', async () => {
    const { slack, ada } = office;
    await asked(office, ada, '/db requests', /A-\d+|waits/);
    slack.refreshConnections();
    await slack.until(() => slack.connections > 0, 'a new connection');
    await asked(office, ada, '/db status', /Refresh/);
  });

  test('Slack takes no edits while a kill runs: the requester still learns the outcome, once', async () => {
    const { slack, ben } = office;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const broken = slack.faults.on('chat.update', { status: 500 });
    await ben.clicks('Approve');
    await slack.until(async () => !(await isAlive(victim.pid)), 'the end of the backend');
    await slack.until(() => broken.hits >= 3, 'tries to edit');
    await slack.until(() => office.logged().includes('the outcome could not be shown yet'), 'giving up', 10_000);
    slack.faults.clear();
    ahead += 31_000;
    await office.reads('#incident', `${id} is done`);
    await office.reads('#incident', new RegExp(`@ada ${id} succeeded`));
    expect(office.transcript('#incident').filter(text => text.includes(`@ada ${id} succeeded`))).toHaveLength(1);
  });

  test('the channel is archived after the card: the requester is told directly', async () => {
    const { slack, ada, ben } = office;
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const card = await office.reads('#incident', new RegExp(`${id} waits`));
    const archived = slack.faults.on('chat.update', { error: 'is_archived' });
    slack.faults.on('chat.postMessage', { error: 'is_archived' }, { channel: slack.channel('#incident').id });
    slack.faults.on('chat.postEphemeral', { error: 'is_archived' });
    await ben.clicks('Approve', { on: card });
    await slack.until(async () => !(await isAlive(victim.pid)), 'the end of the backend');
    await slack.until(() => archived.hits > 0, 'a refused edit');
    await office.sees(ada, new RegExp(`${id}[^]*succeeded`), '@ada');
  });
});
