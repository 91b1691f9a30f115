import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ada, Books, ben, cleo, engines } from './books.ts';

/** One call of the ledger, on one of a few actions, by one of two processes. */
type Call =
  | { readonly do: 'ask'; readonly origin: number; readonly risk: 'read' | 'routine' | 'destructive' }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | { readonly do: 'approve'; readonly which: number; readonly who: number; readonly process: number }
  | {
      readonly do: 'propose' | 'start' | 'deny' | 'withdraw' | 'expire' | 'refuse' | 'finish' | 'fail' | 'interrupt';
      readonly which: number;
      readonly process: number;
    };

const which = fc.nat({ max: 3 });
const process = fc.nat({ max: 1 });
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      origin: fc.nat({ max: 5 }),
      risk: fc.constantFrom('destructive', 'destructive', 'routine', 'read'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.nat({ max: 60 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('approve' as const), which, who: fc.nat({ max: 2 }), process }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'propose',
        'propose',
        'start',
        'deny',
        'withdraw',
        'expire',
        'refuse',
        'finish',
        'fail',
        'interrupt',
      ),
      which,
      process,
    }),
  },
);

/** What the record may say of an action, as a sentence of its events. */
const life = new RegExp(
  `^asked(${[
    ' (refused|failed|interrupted)',
    '( started)?( (succeeded|failed|interrupted))?',
    ' planned( approved)*( (denied|withdrawn|expired))?',
    ' planned( approved)+ started( (succeeded|failed|interrupted))?',
  ].join('|')})$`,
);
const lastStep: Readonly<Record<string, readonly string[]>> = {
  asked: ['asked'],
  waiting: ['planned', 'approved'],
  running: ['started', 'asked'],
  succeeded: ['succeeded'],
  failed: ['failed', 'refused'],
  interrupted: ['interrupted'],
  denied: ['denied'],
  cancelled: ['withdrawn'],
  expired: ['expired'],
};

const approvalsNeeded = 2;

test.each(engines)(
  'whatever is called in whatever order and at once, on %s, no action runs twice, unapproved or unrecorded',
  async engine => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(call, { minLength: 1, maxLength: 5 }), { maxLength: 14 }), async rounds => {
        const books = await Books.open({ engine });
        try {
          const started = new Map<number, number>();
          for (const round of rounds) {
            const ids = (await books.store.selectFrom('actions').select('id').orderBy('id').execute()).map(
              ({ id }) => id,
            );
            await Promise.all(round.map(one => make(books, ids, one, started)));
            await expectSound(books);
          }
          for (const [id, times] of started) {
            expect(times).toBe(1);
            expect((await books.kinds(id)).filter(kind => kind === 'started').length).toBeLessThanOrEqual(1);
          }
        } finally {
          await books.close();
        }
      }),
      { numRuns: Number(globalThis.process.env.FUZZ_RUNS ?? (engine === 'sqlite' ? 300 : 30)) },
    );
  },
  60_000,
);

async function make(books: Books, ids: readonly number[], one: Call, started: Map<number, number>): Promise<void> {
  if (one.do === 'ask') {
    const lane = { read: null, routine: 'backup', destructive: 'change' }[one.risk];
    await books.ledger.ask(books.request({ origin: `origin-${one.origin}`, risk: one.risk, lane }));
    return;
  }
  if (one.do === 'wait') {
    books.now += one.milliseconds;
    return;
  }
  const ledger = books.ledgerOf(['this process', 'another'][one.process]!);
  const id = ids[one.which];
  if (id === undefined) return;
  switch (one.do) {
    case 'propose':
      await ledger.propose(id, books.proposal({ approvalsNeeded, expiresAt: books.now + 100 }));
      return;
    case 'start': {
      // Who calls start is known not to need approval.
      if ((await ledger.find(id))?.risk === 'destructive') return;
      count(started, id, (await ledger.start(id))?.is);
      return;
    }
    case 'approve':
      count(started, id, (await ledger.approve(id, [ada, ben, cleo][one.who]!)).is);
      return;
    case 'deny':
      await ledger.turnDown(id, 'denied', cleo, 'no');
      return;
    case 'withdraw':
      await ledger.turnDown(id, 'cancelled', ada, undefined);
      return;
    case 'expire':
      await ledger.turnDown(id, 'expired', undefined, undefined);
      return;
    case 'refuse':
      await ledger.abandon(id, 'refused', 'no');
      return;
    case 'finish':
      await ledger.finish(id, 'succeeded', 'done');
      return;
    case 'fail':
      await ledger.finish(id, 'failed', 'it broke');
      return;
    case 'interrupt':
      await ledger.interrupt(() => 'the process is gone', { sole: true });
  }
}

function count(started: Map<number, number>, id: number, is: string | undefined): void {
  if (is === 'started') started.set(id, (started.get(id) ?? 0) + 1);
}

async function expectSound(books: Books): Promise<void> {
  await books.expectWholeRecord();
  const actions = await books.store.selectFrom('actions').selectAll().execute();
  const approvals = await books.store.selectFrom('approvals').selectAll().execute();
  for (const action of actions) {
    const kinds = await books.kinds(action.id);
    expect(kinds.join(' ')).toMatch(life);
    expect(lastStep[action.state]).toContain(kinds.at(-1));
    const counted = approvals.filter(({ action_id }) => action_id === action.id);
    expect(counted).toHaveLength(kinds.filter(kind => kind === 'approved').length);
    expect(counted.map(({ person }) => person)).not.toContain(action.requester);
    for (const { at } of counted) expect(at).toBeLessThan(action.expires_at!);
    if (action.risk === 'destructive' && action.started_at !== null) {
      expect(counted.length).toBeGreaterThanOrEqual(approvalsNeeded);
    }
  }
  const running = actions.filter(({ state, lane }) => state === 'running' && lane !== null).map(({ lane }) => lane);
  expect(new Set(running).size).toBe(running.length);
}
