import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Ledger } from '../../src/actions/ledger.ts';
import type { Ending } from '../../src/actions/ledger-types.ts';
import { ada, Books, ben, cleo, engines } from './books.ts';

describe.each(engines)('on %s', engine => {
  let books: Books;
  let ledger: Ledger;

  beforeEach(async () => {
    books = await Books.open({ engine });
    ledger = books.ledger;
  });

  afterEach(async () => {
    await books.expectWholeRecord();
    await books.close();
  });

  describe('asking', () => {
    test('an action begins, with an id that is easy to say, and the record knows all of it', async () => {
      const action = await ledger.ask(books.request({ reason: 'it blocks the deploy' }));
      expect(action).toMatchObject({ id: 1001, state: 'asked', asked_at: books.now, holder: 'this process', told: 0 });
      expect(await books.kinds(1001)).toEqual(['asked']);
      expect(await books.lastBody(1001)).toEqual({
        requester: ada.id,
        name: 'ada',
        command: 'kill',
        typed: 'kill 4711',
        arguments: { pid: 4711, cancel: false },
        target: 'portal',
        channel: 'CINCIDENT',
        team: 'T1',
        reason: 'it blocks the deploy',
        risk: 'destructive',
      });
      expect(books.recorded).toBe(1);
    });

    test('what is due by itself runs at once, and the record says that nobody asked', async () => {
      const due = {
        origin: 'schedule portal 2026-11-23T02:00:00.000Z backup',
        risk: 'routine',
        lane: 'backup',
      } as const;
      const begun = await ledger.begin(books.request({ ...due, command: 'backup' }));
      expect(begun).toMatchObject({ is: 'started', action: { id: 1001, state: 'running', told: 1 } });
      expect(await books.kinds(1001)).toEqual(['asked', 'started']);
      expect(JSON.parse((await books.events())[0]!.body)).toMatchObject({ by_itself: due.origin });
      const again = await books.ledgerOf('another process').begin(books.request({ ...due, command: 'backup' }));
      expect(again).toMatchObject({ is: 'known', action: { id: 1001, holder: 'this process' } });
    });

    test('what is due leaves no trace while another action holds its lane', async () => {
      const running = await books.asked({ risk: 'routine', command: 'backup', lane: 'backup' });
      await ledger.start(running);
      const due = books.request({ risk: 'routine', command: 'backup', lane: 'backup' });
      expect(await ledger.begin(due)).toMatchObject({ is: 'lane busy', by: { id: running } });
      await ledger.finish(running, 'succeeded', 'done');
      expect(await ledger.begin(due)).toMatchObject({ is: 'started', action: { id: running + 1 } });
    });

    test('nothing destructive runs by itself', async () => {
      await expect(ledger.begin(books.request())).rejects.toThrow('never runs by itself');
      expect(await books.events()).toEqual([]);
    });

    test('a request that Slack delivers twice is one action', async () => {
      const request = books.request();
      const [first, second] = await Promise.all([ledger.ask(request), ledger.ask(request)]);
      expect([first?.id, second?.id].filter(Boolean)).toEqual([1001]);
      expect(await ledger.ask(request)).toBeUndefined();
      expect((await books.events()).map(event => event.kind)).toEqual(['asked']);
    });
  });

  describe('what needs nobody’s approval', () => {
    test('a read is started without an event of its own, and ends with one', async () => {
      const id = await books.asked({ risk: 'read', lane: null });
      expect(await ledger.start(id)).toMatchObject({
        is: 'started',
        action: { state: 'running', started_at: books.now, holder: 'this process' },
      });
      books.now += 1_234;
      expect(await ledger.finish(id, 'succeeded', 'healthy')).toMatchObject({ state: 'succeeded', outcome: 'healthy' });
      expect(await books.kinds(id)).toEqual(['asked', 'succeeded']);
      expect(await books.lastBody(id)).toEqual({ outcome: 'healthy', milliseconds: 1_234 });
    });

    test('routine work records its start', async () => {
      const id = await books.asked({ risk: 'routine', lane: 'backup' });
      await ledger.start(id);
      expect(await books.kinds(id)).toEqual(['asked', 'started']);
    });

    test('it starts once', async () => {
      const id = await books.asked({ risk: 'routine', lane: 'backup' });
      const starts = await Promise.all([ledger.start(id), books.ledgerOf('another').start(id)]);
      expect(starts.map(start => start?.is).filter(is => is === 'started')).toHaveLength(1);
      expect(await books.kinds(id)).toEqual(['asked', 'started']);
    });

    test('a busy lane keeps the second from starting, on the same target only', async () => {
      const backup = { risk: 'routine', lane: 'backup' } as const;
      const [first, second, elsewhere, otherLane] = [
        await books.asked(backup),
        await books.asked(backup),
        await books.asked({ ...backup, target: 'staging' }),
        await books.asked({ ...backup, lane: 'analyze' }),
      ];
      await ledger.start(first);
      expect(await ledger.start(second)).toMatchObject({ is: 'lane busy', by: { id: first } });
      expect(await books.state(second)).toBe('asked');
      expect(await books.kinds(second)).toEqual(['asked']);
      expect((await ledger.start(elsewhere))?.is).toBe('started');
      expect((await ledger.start(otherLane))?.is).toBe('started');
      await ledger.finish(first, 'succeeded', 'done');
      expect((await ledger.start(second))?.is).toBe('started');
    });

    test.each(['refused', 'failed'] as const)('one that is %s before it ran has failed', async kind => {
      const id = await books.asked();
      expect(await ledger.abandon(id, kind, 'no such backend')).toMatchObject({
        state: 'failed',
        outcome: 'no such backend',
        finished_at: books.now,
      });
      expect(await books.kinds(id)).toEqual(['asked', kind]);
      expect(await ledger.abandon(id, kind, 'again')).toBeUndefined();
      expect(await ledger.start(id)).toBeUndefined();
    });

    test('an action nobody knows starts nothing', async () => {
      expect(await ledger.start(4711)).toBeUndefined();
      expect(await ledger.propose(4711, books.proposal())).toBeUndefined();
      expect(await ledger.finish(4711, 'succeeded', '')).toBeUndefined();
      expect(await ledger.find(4711)).toBeUndefined();
    });
  });

  describe('a plan waits for a second person', () => {
    test('it is stored as it is shown, and no process holds it once its card stands', async () => {
      const id = await books.asked();
      const proposal = books.proposal();
      expect(await ledger.propose(id, proposal)).toMatchObject({
        state: 'waiting',
        plan: proposal.plan,
        approvals_needed: 1,
        expires_at: proposal.expiresAt,
        holder: 'this process',
      });
      await books.ledgerOf('another').cardShown(id);
      expect(await ledger.find(id)).toMatchObject({ holder: 'this process' });
      await ledger.cardShown(id);
      expect(await ledger.find(id)).toMatchObject({ state: 'waiting', holder: null, lease_until: null });
      expect(await books.lastBody(id)).toEqual({
        summary: proposal.summary,
        statement: proposal.statement,
        plan_sha256: proposal.planHash,
        approvals_needed: 1,
        expires_at: proposal.expiresAt,
      });
      expect(await ledger.propose(id, proposal)).toBeUndefined();
      expect(await books.kinds(id)).toEqual(['asked', 'planned']);
    });

    test('the second person’s approval starts it', async () => {
      const id = await books.waiting();
      const decision = await ledger.approve(id, ben);
      expect(decision).toMatchObject({
        is: 'started',
        action: { state: 'running', started_at: books.now, holder: 'this process' },
      });
      expect(await books.kinds(id)).toEqual(['asked', 'planned', 'approved', 'started']);
      expect(await books.lastBody(id)).toEqual({ plan_sha256: books.proposal().planHash });
      expect(await ledger.approversOf(id)).toEqual([ben]);
    });

    test.each([1, 2])(
      'of two approvals at once one starts it, with %d processes, in 100 rounds',
      async processes => {
        const ledgers = [ledger, processes === 1 ? ledger : books.ledgerOf('another')];
        for (let round = 0; round < 100; round += 1) {
          const id = await books.waiting();
          const decisions = await Promise.all([ledgers[0]!.approve(id, ben), ledgers[1]!.approve(id, cleo)]);
          expect(decisions.map(decision => decision.is).toSorted()).toEqual(['not waiting', 'started']);
          expect(await books.kinds(id)).toEqual(['asked', 'planned', 'approved', 'started']);
          const started = decisions.findIndex(decision => decision.is === 'started');
          expect(await ledger.approversOf(id)).toEqual([[ben, cleo][started]]);
          await ledgers[started]!.finish(id, 'succeeded', 'gone');
        }
      },
      180_000,
    );

    test('a double click counts once', async () => {
      const id = await books.waiting({}, { approvalsNeeded: 2 });
      const decisions = await Promise.all([ledger.approve(id, ben), ledger.approve(id, ben)]);
      expect(decisions.map(decision => decision.is).toSorted()).toEqual(['already counted', 'counted']);
      expect(await books.kinds(id)).toEqual(['asked', 'planned', 'approved']);
    });

    test('where two approvals are needed, the second starts it', async () => {
      const id = await books.waiting({}, { approvalsNeeded: 2 });
      expect(await ledger.approve(id, ben)).toMatchObject({
        is: 'counted',
        approvals: 1,
        action: { state: 'waiting' },
      });
      books.now += 1;
      expect(await ledger.approve(id, cleo)).toMatchObject({ is: 'started' });
      expect(await books.kinds(id)).toEqual(['asked', 'planned', 'approved', 'approved', 'started']);
      expect(await ledger.approversOf(id)).toEqual([ben, cleo]);
    });

    test('nobody approves an own request, however many approvals it needs', async () => {
      for (const approvalsNeeded of [1, 2]) {
        const id = await books.waiting({}, { approvalsNeeded });
        expect(await ledger.approve(id, ada)).toMatchObject({ is: 'own request', action: { state: 'waiting' } });
        expect(await ledger.approversOf(id)).toEqual([]);
        expect(await books.kinds(id)).toEqual(['asked', 'planned']);
      }
    });

    test('it expires at the millisecond', async () => {
      const [late, inTime] = [await books.waiting(), await books.waiting()];
      books.now += 900_000;
      expect(await ledger.approve(late, ben)).toMatchObject({ is: 'expired', action: { state: 'waiting' } });
      expect(await books.kinds(late)).toEqual(['asked', 'planned']);
      books.now -= 1;
      expect((await ledger.approve(inTime, ben)).is).toBe('started');
    });

    test('an unknown id is unknown', async () => {
      expect(await ledger.approve(4711, ben)).toEqual({ is: 'unknown' });
    });

    test('what is asked and not yet planned cannot be approved', async () => {
      const id = await books.asked();
      expect((await ledger.approve(id, ben)).is).toBe('not waiting');
      expect(await ledger.approversOf(id)).toEqual([]);
    });

    test('while another change runs on the target nothing of an approval is left behind, and it counts later', async () => {
      const first = await books.running();
      const second = await books.waiting();
      const before = await books.events();
      expect(await ledger.approve(second, ben)).toMatchObject({
        is: 'lane busy',
        action: { id: second },
        by: { id: first },
      });
      expect(await ledger.approversOf(second)).toEqual([]);
      expect(await books.events()).toEqual(before);
      expect(await books.state(second)).toBe('waiting');
      await ledger.finish(first, 'succeeded', 'gone');
      expect((await ledger.approve(second, ben)).is).toBe('started');
    });

    test.each([
      ['denied', 'denied', cleo, 'not during the sale', 'denied by cleo “not during the sale”'],
      ['cancelled', 'withdrawn', ada, undefined, 'withdrawn by ada'],
      ['expired', 'expired', undefined, undefined, 'nobody decided in time'],
    ] as const)('once it is %s it can no longer be approved', async (how, kind, person, reason, outcome) => {
      const id = await books.waiting();
      expect(await ledger.turnDown(id, how, person, reason)).toMatchObject({
        state: how,
        outcome,
        finished_at: books.now,
      });
      expect(await books.kinds(id)).toEqual(['asked', 'planned', kind]);
      expect(await books.lastBody(id)).toEqual({
        by: person?.id ?? null,
        name: person?.name ?? null,
        reason: reason ?? null,
      });
      expect(await ledger.approve(id, ben)).toMatchObject({ is: 'not waiting', action: { state: how } });
      expect(await ledger.turnDown(id, how, person, reason)).toBeUndefined();
    });

    test('of an approval and a denial at once one counts, in 50 rounds', async () => {
      for (let round = 0; round < 50; round += 1) {
        const id = await books.waiting();
        const approve = () => ledger.approve(id, ben).then(decision => decision.is === 'started');
        const deny = () => ledger.turnDown(id, 'denied', cleo, undefined).then(action => action !== undefined);
        const won = await Promise.all(round % 2 === 0 ? [approve(), deny()] : [deny(), approve()]);
        expect(won.filter(Boolean)).toHaveLength(1);
        await ledger.finish(id, 'succeeded', 'gone');
      }
    });

    test('a running one cannot be denied', async () => {
      const id = await books.running();
      expect(await ledger.turnDown(id, 'denied', cleo, undefined)).toBeUndefined();
      expect(await books.state(id)).toBe('running');
    });
  });

  describe('the end of what ran', () => {
    test.each(['succeeded', 'failed', 'cancelled', 'interrupted'] satisfies Ending[])('%s', async ending => {
      const id = await books.running();
      books.now += 2_500;
      expect(await ledger.finish(id, ending, 'as told')).toMatchObject({ state: ending, outcome: 'as told' });
      expect((await books.kinds(id)).slice(-2)).toEqual(['started', ending]);
      expect(await books.lastBody(id)).toEqual({ outcome: 'as told', milliseconds: 2_500 });
      expect(await ledger.finish(id, ending, 'again')).toBeUndefined();
      expect(await books.state(id)).toBe(ending);
    });

    test('only the process that runs it can say how it ended', async () => {
      const id = await books.running();
      expect(await books.ledgerOf('another').finish(id, 'succeeded', 'gone')).toBeUndefined();
      expect(await books.state(id)).toBe('running');
      expect((await books.kinds(id)).at(-1)).toBe('started');
    });

    test('what only waits cannot have ended', async () => {
      const id = await books.waiting();
      expect(await ledger.finish(id, 'succeeded', 'gone')).toBeUndefined();
      expect(await books.state(id)).toBe('waiting');
    });

    test('a process that is gone leaves its actions interrupted, and what waits waiting', async () => {
      const running = await books.running();
      const asked = await books.asked();
      const waiting = await books.waiting();
      const ended = await books.asked();
      await ledger.abandon(ended, 'refused', 'no');

      const successor = books.ledgerOf('the next process');
      const own = (await successor.ask(books.request()))?.id ?? 0;
      const left = await successor.interrupt(action => `was ${action.state}`, { sole: true });

      expect(left.map(({ id, state }) => ({ id, state }))).toEqual([
        { id: running, state: 'interrupted' },
        { id: asked, state: 'interrupted' },
      ]);
      expect(await ledger.find(running)).toMatchObject({ state: 'interrupted', outcome: 'was running' });
      expect((await books.kinds(running)).at(-1)).toBe('interrupted');
      expect(await books.kinds(asked)).toEqual(['asked', 'interrupted']);
      expect(await books.state(waiting)).toBe('waiting');
      expect(await books.state(ended)).toBe('failed');
      expect(await books.state(own)).toBe('asked');
      expect(await successor.interrupt(() => '', { sole: true })).toEqual([]);
      expect(await ledger.finish(running, 'succeeded', 'gone')).toBeUndefined();
      expect((await successor.approve(waiting, ben)).is).toBe('started');
    });
  });

  describe('what is noted beside', () => {
    test('a click that did not count is recorded once a person and reason', async () => {
      const id = await books.waiting();
      await ledger.noteRefusal(id, ada, 'own request');
      await ledger.noteRefusal(id, ada, 'own request');
      await ledger.noteRefusal(id, ada, 'expired');
      await ledger.noteRefusal(id, ben, 'own request');
      const other = await books.waiting();
      await ledger.noteRefusal(other, ada, 'own request');
      const refused = (await books.events()).filter(event => event.kind === 'approval_refused');
      expect(refused.map(event => [event.action_id, JSON.parse(event.body)])).toEqual([
        [id, { by: ada.id, name: 'ada', why: 'own request' }],
        [id, { by: ada.id, name: 'ada', why: 'expired' }],
        [id, { by: ben.id, name: 'ben', why: 'own request' }],
        [other, { by: ada.id, name: 'ada', why: 'own request' }],
      ]);
      expect(await books.state(id)).toBe('waiting');
    });

    test('that somebody asked a job to stop', async () => {
      const id = await books.running();
      await ledger.noteCancel(id, cleo);
      expect(await books.lastBody(id)).toEqual({ by: cleo.id, name: 'cleo' });
      expect((await books.kinds(id)).at(-1)).toBe('cancel_asked');
    });

    test('nothing of an action that nobody knows', async () => {
      await ledger.noteRefusal(4711, ada, 'own request');
      await ledger.noteCancel(4711, ada);
      expect(await books.events()).toEqual([]);
    });
  });

  describe('what can be asked of the ledger', () => {
    test('what waits, the next to expire first, and what nobody decided in time', async () => {
      const late = await books.waiting({}, { expiresAt: books.now + 2_000 });
      const soon = await books.waiting({}, { expiresAt: books.now + 1_000 });
      await books.asked();
      expect((await ledger.waiting()).map(({ id }) => id)).toEqual([soon, late]);
      books.now += 999;
      expect(await ledger.overdue()).toEqual([]);
      books.now += 1;
      expect((await ledger.overdue()).map(({ id }) => id)).toEqual([soon]);
    });

    test('where its message is', async () => {
      const id = await books.waiting();
      await ledger.place(id, 'CINCIDENT', '1.5');
      expect(await ledger.find(id)).toMatchObject({
        message_channel: 'CINCIDENT',
        message_ts: '1.5',
        state: 'waiting',
      });
    });

    test('whose end its requester has not seen', async () => {
      const [first, second] = [await books.asked(), await books.asked()];
      await books.waiting();
      await ledger.abandon(first, 'refused', 'no');
      books.now += 1;
      await ledger.abandon(second, 'refused', 'no');
      expect((await ledger.untold(books.now - 1)).map(({ id }) => id)).toEqual([first]);
      expect((await ledger.untold(books.now)).map(({ id }) => id)).toEqual([second, first]);
      await ledger.told(first);
      expect((await ledger.untold(books.now)).map(({ id }) => id)).toEqual([second]);
    });
  });
});
