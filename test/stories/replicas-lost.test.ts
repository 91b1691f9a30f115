/**
 * Bots on one store that are killed, stopped or cut off. A process is taken for dead after four seconds here, and after
 * twenty in earnest: the stories would take as long.
 */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { startCluster } from '../cluster/cluster.ts';
import { signalProcess } from '../cluster/processes.ts';
import { type Office, openOffice, type Replica } from './office.ts';
import { watchStore } from './shared-store.ts';

const lease = 4_000;

async function runnerOf(office: Office, id: string): Promise<string> {
  const store = await stores.get(office)!;
  const holders = await store.holdersOf(id);
  return holders.find(({ state }) => state === 'running')!.holder;
}

const stores = new Map<Office, ReturnType<typeof watchStore>>();

describe('one of two', () => {
  const opening = openOffice({ replicas: 2, bot: { lease } });
  const watching = opening.then(watchStore);
  opening.then(office => stores.set(office, watching)).catch(() => undefined);
  afterAll(async () => (await opening).close());
  afterEach(async () => {
    (await opening).slack.faults.clear();
    await (await watching).expectWholeRecord();
  });

  test('is killed while its approved kill runs: the other says interrupted, and never runs it', async () => {
    const [office, store] = [await opening, await watching];
    const victim = await office.database.openSession({ applicationName: 'hung' });
    signalProcess(victim.pid, 'SIGSTOP');
    try {
      const id = await office.asksToKill(victim);
      await office.ben.clicks('Approve');
      await office.reads('#incident', `${id} is approved and running`);
      const runner = store.replicaOf(await runnerOf(office, id));
      const began = performance.now();
      await runner.kill();
      await office.slack.until(
        () => office.transcript('#incident').some(text => text.includes(`${id} was interrupted`)),
        'the interruption',
        20_000,
      );
      // The lease, a sweep a second, and what a busy machine takes: 20 + 10 s in earnest.
      expect(performance.now() - began).toBeLessThan(lease + 10_000);
      await office.reads('#incident', new RegExp(`@ada ${id} interrupted`));
      const holders = await store.holdersOf(id);
      expect(new Set(holders.filter(({ state }) => state === 'running').map(({ holder }) => holder)).size).toBe(1);
      const started = await store.sql("select from events where action_id = $1 and kind = 'started'", [id.slice(2)]);
      expect(started).toHaveLength(1);
    } finally {
      signalProcess(victim.pid, 'SIGCONT');
    }
    await office.startReplica();
  }, 40_000);

  test('is killed while it carries the record: the other carries on, and nothing is there twice', async () => {
    const [office, store] = [await opening, await watching];
    const { slack, ada } = office;
    await ada.types('/db requests');
    await store.expectWholeRecord();
    const carrier = store.replicaOf(await store.courier());
    const drop = slack.faults.on(
      'chat.postMessage',
      { delayMs: 300, thenDrop: true },
      { channel: slack.channel('#db-audit').id, times: 1 },
    );
    for (let count = 0; count < 5; count += 1) await ada.types('/db requests');
    await slack.until(() => drop.hits === 1, 'a message under way');
    await carrier.kill();
    await store.expectWholeRecord();
    expect(store.replicaOf(await store.courier())).not.toBe(carrier);
    await office.startReplica();
  }, 40_000);

  test('stands still while it carries the record, and wakes when the other carries it: nothing is there twice', async () => {
    const [office, store] = [await opening, await watching];
    const { slack, ada } = office;
    await ada.types('/db requests');
    await store.expectWholeRecord();
    const holder = await store.courier();
    const carrier = store.replicaOf(holder);
    const audit = { channel: slack.channel('#db-audit').id };
    const slow = slack.faults.on('chat.postMessage', { delayMs: 500 }, audit);
    for (let count = 0; count < 3; count += 1) await ada.types('/db requests');
    await slack.until(() => slow.hits > 0, 'a message under way');
    signalProcess(carrier.pid, 'SIGSTOP');
    try {
      await slack.until(async () => (await store.courier()) !== holder, 'another carrier', 15_000);
      slow.remove();
      await store.expectWholeRecord();
    } finally {
      signalProcess(carrier.pid, 'SIGCONT');
    }
    await slack.until(
      async () => (await ada.types('/db requests').catch(() => undefined)) !== undefined,
      'an answer',
      10_000,
    );
    await store.expectWholeRecord();
  }, 60_000);
  test('stands still before the effect of an approved kill, and wakes when the other has called it interrupted: nothing is ended', async () => {
    const [office, store] = [await opening, await watching];
    const victim = await office.idleSession();
    const id = await office.asksToKill(victim);
    const sessions = await office.database.admin.sql(
      "select pid from pg_stat_activity where application_name like 'pg-chatops%' and datname = current_database()",
    );
    const signalSessions = (signal: 'SIGSTOP' | 'SIGCONT') => {
      for (const { pid } of sessions) signalProcess(Number(pid), signal);
    };
    const { cluster, bot } = office.database;
    const letIn = (limit: number) => cluster.admin.sql(`alter role ${bot.user} connection limit ${limit}`);
    let runner: Replica | undefined;
    try {
      // What a sample waits for takes up a session: no other one may open for the kill.
      await letIn(0);
      signalSessions('SIGSTOP');
      await office.ben.clicks('Approve');
      await office.reads('#incident', `${id} is approved and running`);
      runner = store.replicaOf(await runnerOf(office, id));
      signalProcess(runner.pid, 'SIGSTOP');
      await office.slack.until(
        () => office.transcript('#incident').some(text => text.includes(`${id} was interrupted`)),
        'the interruption',
        20_000,
      );
    } finally {
      await letIn(10);
      signalSessions('SIGCONT');
      if (runner) signalProcess(runner.pid, 'SIGCONT');
    }
    await office.slack.until(
      () => office.logged().includes('an action ended that was no longer running here'),
      'the end of what was stopped',
      15_000,
    );
    const alive = await office.database.admin.sql('select from pg_stat_activity where pid = $1', [victim.pid]);
    expect(alive).toHaveLength(1);
    const card = () =>
      office.transcript('#incident').find(text => text.includes(id) && text.includes('terminate')) ?? '';
    await office.slack.until(() => card().includes('interrupted'), 'the card as it was before');
  }, 60_000);
});

test('a process that lost its store stops what it runs, before others take it for dead', async () => {
  const own = await startCluster();
  await own.createDatabase('chatops');
  const office = await openOffice({ replicas: 1, bot: { lease }, environment: { STORE_URL: own.url('chatops') } });
  try {
    const blocker = await office.database.openSession({ applicationName: 'migration' });
    await blocker.query('begin; lock table orders in access exclusive mode');
    await office.ada.types('/db backup');
    const dumps = async () =>
      (
        await office.database.admin.sql(
          'select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())',
        )
      ).length;
    await office.slack.until(async () => (await dumps()) > 0, 'pg_dump', 10_000);
    await own.signal('SIGSTOP');
    const began = performance.now();
    await office.slack.until(async () => (await dumps()) === 0, 'the end of pg_dump', lease + 5_000);
    expect(performance.now() - began).toBeLessThan(lease);
    await own.signal('SIGCONT');
    await office.slack.until(
      () => office.transcript('#incident').some(text => /interrupted|lost its store/.test(text)),
      'word of it',
      20_000,
    );
    const [action] = await own.admin.sql("select state from actions where command = 'backup'", [], 'chatops');
    expect(action.state).toBe('interrupted');
  } finally {
    await own.signal('SIGCONT').catch(() => undefined);
    await office.close();
    await own.stop();
  }
}, 60_000);
