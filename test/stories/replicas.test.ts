/** Three bots, each a process of its own, on one store: people notice nothing of it. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import type { Message } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';
import { watchStore } from './shared-store.ts';

const office = await openOffice({ replicas: 3 });
const store = await watchStore(office);
afterAll(() => office.close());
afterEach(() => store.expectWholeRecord());

const { slack, ada, ben, cleo } = office;

/** A person's pace, milliseconds: without it, they would keep the processes from starting. */
const betweenCommands = 50;

async function isAlive(pid: number): Promise<boolean> {
  return (await office.database.admin.sql('select from pg_stat_activity where pid = $1', [pid])).length === 1;
}

function occurrences(channel: string, pattern: string): number {
  return office.transcript(channel).join('\n').match(new RegExp(pattern, 'g'))?.length ?? 0;
}

/** Asks for what does nothing. @returns the process that took it. */
async function ask(): Promise<string> {
  const before = await newest();
  await ada.types('/db requests');
  const id = await slack.until(async () => (await newest()) > before && (await newest()), 'the action');
  return (await store.holdersOf(`A-${id}`))[0]!.holder;
}

async function newest(): Promise<number> {
  const [row] = await store.sql<{ id: string }>('select coalesce(max(id), 0) as id from actions');
  return Number(row!.id);
}

test('two approvers at the same instant, a dozen times, each click in another process: one execution each', async () => {
  const deciders = new Set<string>();
  let elsewhere = 0;
  for (let round = 0; round < 12; round += 1) {
    const victim = await office.database.openSession({ applicationName: `round-${round}` });
    const id = await office.asksToKill(victim);
    const card = await office.reads('#incident', `${id} waits for`);
    // Envelopes go round: one more in every other round, and each process is clicked in first now and then.
    if (round % 2 === 1) await ada.types('/db requests');
    await Promise.all([ben.clicks('Approve', { on: card }), cleo.clicks('Approve', { on: card })]);
    await office.reads('#incident', `${id} is done`);
    expect(await isAlive(victim.pid)).toBe(false);
    const holders = await store.holdersOf(id);
    const runners = new Set(holders.filter(({ state }) => state === 'running').map(({ holder }) => holder));
    expect(runners.size).toBe(1);
    const [runner = ''] = runners;
    deciders.add(runner);
    if (runner !== holders[0]?.holder) elsewhere += 1;
    const kinds = await store.sql<{ kind: string }>('select kind from events where action_id = $1 order by seq', [
      Number(id.slice(2)),
    ]);
    expect(kinds.map(({ kind }) => kind).filter(kind => kind !== 'approval_refused')).toEqual([
      'asked',
      'planned',
      'approved',
      'started',
      'succeeded',
    ]);
  }
  expect(deciders.size).toBeGreaterThan(1);
  expect(elsewhere).toBeGreaterThan(0);
}, 60_000);

test('a request that is delivered to all of them is one action', async () => {
  const before = await newest();
  const asked = await ada.types('/db requests');
  await slack.until(async () => (await newest()) > before, 'the action');
  for (let again = 0; again < 6; again += 1) await slack.redeliver(asked);
  await ask();
  expect(await newest()).toBe(before + 2);
});

test('one backup of a target at a time, whichever process is asked, and Cancel through another stops it', async () => {
  const blocker = await office.database.openSession({ applicationName: 'migration' });
  await blocker.query('begin; lock table orders in access exclusive mode');
  await ada.types('/db backup');
  const running = await slack.until(async () => {
    const rows = await store.sql("select id, holder from actions where command = 'backup' and state = 'running'");
    return rows[0] as { id: string; holder: string } | undefined;
  }, 'the backup');
  const id = `A-${running.id}`;
  const waits =
    'select from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())';
  await slack.until(async () => (await office.database.admin.sql(waits)).length > 0, 'pg_dump to wait for its lock');
  for (let other = 0; other < 6; other += 1) await ben.types('/db backup');
  await slack.until(
    () => office.seenBy(ben, '#incident').filter(text => text.includes(`${id} is still running`)).length === 6,
    'six refusals',
  );
  const progress = await slack.until(
    () => ada.sees('#incident').findLast(message => JSON.stringify(message.blocks ?? '').includes('"cancel"')),
    'the Cancel button',
  );
  // Envelopes go round: with the next one in another process than the backup's.
  const round: string[] = [];
  for (let turn = 0; turn < 6; turn += 1) round.push(await ask());
  expect(new Set(round).size).toBe(3);
  for (const next of round) {
    if (next !== running.holder) break;
    expect(await ask()).toBe(next);
  }
  await ben.clicks('Cancel', { on: progress });
  await office.sees(ben, `Stopping ${id}`);
  await office.reads('#incident', /It was cancelled and has stopped/);
  await slack.until(async () => !(await office.database.admin.sql(waits)).length, 'the end of pg_dump');
  expect((await store.holdersOf(id)).every(({ holder }) => holder === running.holder)).toBe(true);
  await blocker.query('rollback');
}, 60_000);

test('expired requests are told once, although all of them look', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 4; count += 1) ids.push(await office.asksToKill(await office.idleSession()));
  await store.sql("update actions set expires_at = asked_at + 1 where state = 'waiting'");
  for (const id of ids) await office.reads('#incident', new RegExp(`@ada ${id} expired`));
  await ask();
  await store.expectWholeRecord();
  for (const id of ids) {
    expect(occurrences('#incident', `@ada ${id} expired`)).toBe(1);
    const expiries = await store.sql("select from events where action_id = $1 and kind = 'expired'", [id.slice(2)]);
    expect(expiries).toHaveLength(1);
  }
}, 30_000);

test('an outcome that could not be told is told once, although all of them look', async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim);
  await ben.clicks('Approve');
  await office.reads('#incident', new RegExp(`@ada ${id} succeeded`));
  const told = () => store.sql('select from actions where id = $1 and told = 1', [id.slice(2)]);
  await slack.until(async () => (await told()).length === 1, 'the note that it was told');
  await store.sql('update actions set told = 0, finished_at = finished_at - 60000 where id = $1', [id.slice(2)]);
  await slack.until(() => occurrences('#incident', `@ada ${id} succeeded`) === 2, 'the outcome again');
  await slack.until(
    async () => (await store.sql('select from actions where told = 0 and finished_at is not null')).length === 0,
    'everything is told',
  );
  expect(occurrences('#incident', `@ada ${id} succeeded`)).toBe(2);
});

test('a new version is rolled out while people work: every command is answered, once', async () => {
  let answered = 0;
  let done = false;
  const works = async (person: typeof ada) => {
    while (!done) {
      // Whoever sees "not responding" types again.
      const asked = await person.types('/db help').catch(() => undefined);
      if (!asked) continue;
      const isAnswer = ({ blocks }: Message) => {
        const shown = JSON.stringify(blocks ?? '');
        return shown.includes(`<@${person.id}>`) && shown.includes('/db help');
      };
      await slack.until(() => asked.replies().some(isAnswer), `an answer to ${person.name}`);
      answered += 1;
      await pause(betweenCommands);
    }
  };
  const working = Promise.all([works(ada), works(ben), works(cleo)]);
  working.catch(() => undefined);
  try {
    for (const old of office.replicas.slice(0, 3)) {
      await office.startReplica();
      await old.stop();
    }
  } finally {
    done = true;
  }
  await working;
  expect(answered).toBeGreaterThan(20);
  const states = async () =>
    (await store.sql<{ state: string }>("select distinct state from actions where command = 'help'")).map(
      ({ state }) => state,
    );
  // Also those to which somebody saw "not responding".
  const ended = async () => !(await states()).some(state => state === 'asked' || state === 'running');
  await slack.until(ended, 'the end of all that was typed');
  expect(await states()).toEqual(['succeeded']);
  // What meets a process's last connection as it closes is carried out, and Slack shows a timeout beside the answer.
  const { late = [], others = [] } = Object.groupBy(slack.violations.splice(0), ({ rule }) =>
    rule === 'acknowledgement' ? 'late' : 'others',
  );
  expect(others).toEqual([]);
  expect(late.length).toBeLessThanOrEqual(3);
}, 60_000);

test('nothing that was shown broke a limit of Slack', () => {
  expect(slack.violations).toEqual([]);
});
