/** Whether each action's row is what its events say of it, and they permit what it did. */
import { setImmediate as turn } from 'node:timers/promises';
import canonicalize from 'canonicalize';
import type { Selectable } from 'kysely';
import type { StoreSchema } from '../store/schema.ts';
import type { Database } from '../store/store.ts';
import { byItself, isByItself } from './by-itself.ts';
import { notPermitted, type Told } from './permitted.ts';
import { planHash } from './plan-hash.ts';
import type { Difference } from './verification.ts';

type ActionRow = Selectable<StoreSchema['actions']>;
type Body = Told['body'];

/** The state that an event leaves its action in; the others leave it as it was. */
const stateAfter: Readonly<Record<string, string>> = {
  asked: 'asked',
  planned: 'waiting',
  started: 'running',
  denied: 'denied',
  withdrawn: 'cancelled',
  expired: 'expired',
  refused: 'failed',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
  purged: 'succeeded',
  noticed: 'succeeded',
};

/** Actions that are looked at together. */
const pageSize = 200;

/**
 * Compares every action with its events.
 * @param options.self Slack id of the bot, who is no person whatever a row says; undefined where it is not known.
 * @returns how many actions there were.
 */
export async function checkActions(
  store: Database,
  {
    self,
    signal,
    add,
    progress,
  }: {
    readonly self: string | undefined;
    readonly signal: AbortSignal;
    readonly add: (difference: Difference) => void;
    readonly progress: (actions: number) => void;
  },
): Promise<number> {
  const people = await peopleOf(store);
  if (self !== undefined) people.delete(self);
  let actions = 0;
  for (let last = 0; ; ) {
    signal.throwIfAborted();
    const ids = await store
      .selectFrom('actions')
      .select('id')
      .where('id', '>', last)
      .orderBy('id')
      .limit(pageSize)
      .execute();
    const end = ids.at(-1)?.id;
    if (end === undefined) return actions;
    for (const action of await together(store, last, end)) {
      const wrong = whatIsWrong(action, people);
      const seq = action.events.at(-1)?.seq ?? Number.MAX_SAFE_INTEGER;
      if (wrong !== undefined)
        add({ how: 'action changed', seq, says: `A-${action.row.id} is not as its events tell: ${wrong}.` });
    }
    actions += ids.length;
    progress(actions);
    last = end;
    await turn();
  }
}

interface Explained {
  readonly row: ActionRow;
  readonly events: readonly Told[];
  /** Who approved, as the store counts it. */
  readonly approvers: readonly string[];
}

/**
 * Slack ids of everybody who asked for something or approved it. What nobody asked for has none of them as its requester,
 * but the id that the bot had then: an app that is made anew has another.
 */
async function peopleOf(store: Database): Promise<Set<string>> {
  const asked = store
    .selectFrom('actions')
    .select('requester as person')
    .where('command', '<>', 'notice')
    .where('origin', 'not like', `${byItself}%`);
  const people = await asked.union(store.selectFrom('approvals').select('person')).execute();
  return new Set(people.map(({ person }) => person));
}

/** Actions of a range with their events, of one moment: one statement reads both, while others append. */
async function together(store: Database, after: number, upTo: number): Promise<Explained[]> {
  const approvals = await store
    .selectFrom('approvals')
    .select(['action_id', 'person'])
    .where('action_id', '>', after)
    .where('action_id', '<=', upTo)
    .execute();
  const rows = await store
    .selectFrom('actions as a')
    .leftJoin('events as e', 'e.action_id', 'a.id')
    .selectAll('a')
    .select(['e.seq as event_seq', 'e.kind as event_kind', 'e.at as event_at', 'e.body as event_body'])
    .where('a.id', '>', after)
    .where('a.id', '<=', upTo)
    .orderBy('a.id')
    .orderBy('e.seq')
    .execute();
  return [...Map.groupBy(rows, row => row.id)].flatMap(([id, own]) => {
    const [row] = own;
    if (row === undefined) return [];
    const events = own.flatMap(({ event_seq: seq, event_kind: kind, event_at: at, event_body: body }) =>
      seq === null || kind === null || at === null || body === null ? [] : { seq, kind, at, body: parsed(body) },
    );
    const approvers = approvals.filter(approval => approval.action_id === id).map(({ person }) => person);
    return { row, events, approvers };
  });
}

/**
 * @param people who ask for things.
 * @returns what differs, in a few words.
 */
function whatIsWrong({ row, events, approvers }: Explained, people: ReadonlySet<string>): string | undefined {
  const [first] = events;
  if (first === undefined) return 'there are none';
  const moves = events.filter(event => stateAfter[event.kind] !== undefined);
  const last = moves.at(-1);
  if (last !== undefined && !fits(row, stateAfter[last.kind] ?? ''))
    return `it is ${row.state}, and its last step was “${last.kind}”`;
  const facts = events.flatMap(event => factsOf(event, row));
  const wrong = facts.find(([, told, stored]) => canonicalize(told) !== canonicalize(stored));
  if (wrong !== undefined) return `its ${wrong[0]} was changed`;
  if (first.kind === 'noticed' && (events.length > 1 || row.command !== 'notice')) return 'it is no notice';
  if (people.has(row.requester) && (first.kind === 'noticed' || isByItself(row)))
    return 'nobody asked for it, and its requester is a person';
  // Purged events no longer vouch for what the row says.
  if (first.kind !== 'asked') return undefined;
  if (row.broken_by !== null && !events.some(({ kind }) => kind === 'broke_glass')) return 'nobody ran it alone';
  const counted = new Set(events.filter(({ kind }) => kind === 'approved').map(({ body }) => body.by));
  if (!approvers.every(person => counted.has(person))) return 'it has an approval that was never given';
  return notPermitted(events);
}

/** Where a read's start leaves no event, and its end does. */
function fits({ state, risk }: ActionRow, explained: string): boolean {
  return state === explained || (risk === 'read' && explained === 'asked' && state === 'running');
}

/** What an event says that the action's row says, too. */
function factsOf({ kind, body }: Told, row: ActionRow): (readonly [what: string, told: unknown, stored: unknown])[] {
  switch (kind) {
    case 'asked':
      return [
        ['requester', body.requester, row.requester],
        ['requester’s name', body.name, row.requester_name],
        ['command', body.command, row.command],
        ['text', body.typed, row.typed],
        ['list of arguments', body.arguments, parsed(row.arguments)],
        ['target', body.target, row.target],
        ['channel', body.channel, row.channel],
        ['workspace', body.team, row.team],
        ['reason', body.reason, row.reason],
        ['risk', body.risk, row.risk],
        ['origin', body.by_itself ?? null, isByItself(row) ? row.origin : null],
      ];
    case 'planned':
      return [
        ['plan', body.plan_sha256, planHash(row.plan ?? '')],
        ['summary', body.summary, row.summary],
        ['statement', body.statement, row.statement],
        ['number of approvals needed', body.approvals_needed, row.approvals_needed],
        ['time to wait', body.expires_at, row.expires_at],
      ];
    case 'broke_glass':
      return [['person who ran it alone', body.by, row.broken_by]];
    case 'noticed':
      return [
        ['text', body.says, row.outcome],
        ['target', body.target, row.target],
      ];
    case 'succeeded':
    case 'failed':
    case 'cancelled':
    case 'interrupted':
    case 'refused':
      return [['outcome', body.outcome, row.outcome]];
    default:
      return [];
  }
}

function parsed(json: string): Body {
  try {
    return JSON.parse(json) as Body;
  } catch {
    return {};
  }
}
