/** What must hold of every run, whatever was killed, lost, late, doubled or forged in it. */
import { createHash } from 'node:crypto';
import type { Selectable } from 'kysely';
import { unescapeMrkdwn } from '../../blocks/text.ts';
import { approvalsFor } from '../../src/access/gate.ts';
import { canonical } from '../../src/actions/approvable.ts';
import { spoken } from '../../src/actions/context.ts';
import type { Action } from '../../src/actions/ledger.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { genesisHash, type StoreSchema } from '../../src/store/schema.ts';
import { approverGroup } from './people.ts';
import { targets } from './process.ts';
import type { Effect } from './target.ts';
import type { World } from './world.ts';

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

type Event = Selectable<StoreSchema['events']>;

interface Books {
  readonly world: World;
  readonly actions: readonly Action[];
  readonly events: readonly Event[];
  readonly of: (action: Action) => readonly Event[];
}

/** Every invariant that the run has broken. */
export async function violations(world: World): Promise<Violation[]> {
  const actions = await world.db.selectFrom('actions').selectAll().orderBy('id').execute();
  const events = await world.db.selectFrom('events').selectAll().orderBy('seq').execute();
  const books: Books = { world, actions, events, of: action => events.filter(event => event.action_id === action.id) };
  const check = (invariant: string, found: readonly string[]) => found.map(what => ({ invariant, what }));
  return [
    ...check('no effect without approval', withoutApproval(books)),
    ...check('one effect an action', moreThanOnce(books)),
    ...check('every effect and decision is recorded', unrecorded(books)),
    ...check('the chain verifies', brokenChain(books)),
    ...check('the channel shows every event once, in order', wrongChannel(books)),
    ...check('nothing is stuck', stuck(books)),
    ...check('nothing is taken from a process that lives', stolen(books)),
    ...check('the requester learns the outcome', untold(books)),
  ];
}

function bodyOf(event: Event): Record<string, unknown> {
  return JSON.parse(event.body) as Record<string, unknown>;
}

function withoutApproval(books: Books): string[] {
  return books.world.target.effects.flatMap(effect => {
    const action = books.actions.find(candidate => spoken(candidate.id) === effect.action);
    if (!action) return [`${effect.action} took effect and is not in the store`];
    const rules = targets.get(action.target)!;
    if (effect.command !== 'zap' && !rules.approvalFor.has(effect.command)) return [];
    return whyNotApproved(books, action, effect, approvalsFor(rules.access.approvals, action.command));
  });
}

function whyNotApproved(books: Books, action: Action, effect: Effect, needed: number): string[] {
  const events = books.of(action);
  const planned = events.find(event => event.kind === 'planned');
  if (!planned) return [`${effect.action} took effect without a plan`];
  const plan = bodyOf(planned);
  const stored = action.plan ?? '';
  const { args } = JSON.parse(stored) as { readonly args?: unknown };
  const approvedWork = args === undefined ? stored : canonical(args);
  if (plan.plan_sha256 !== createHash('sha256').update(stored).digest('hex') || effect.plan !== approvedWork) {
    return [`${effect.action} did ${effect.plan}, which nobody approved`];
  }
  const approvals = events.filter(event => event.kind === 'approved' && event.at <= effect.at);
  const people = new Set<string>();
  for (const event of events.filter(candidate => candidate.at <= effect.at)) {
    if (event.kind === 'approved') people.add(String(bodyOf(event).by));
    if (event.kind === 'approval_dropped') people.delete(String(bodyOf(event).by));
  }
  const found: string[] = [];
  if (people.size < needed) found.push(`${effect.action} took effect with ${people.size} of ${needed} approvals`);
  if (people.has(action.requester)) found.push(`${effect.action} was approved by its requester`);
  for (const approval of approvals) {
    const by = String(bodyOf(approval).by);
    if (approval.at >= Number(plan.expires_at))
      found.push(`${effect.action} was approved by ${by} after it had expired`);
    const click = books.world.clicks.find(
      ({ person, action: id, at }) => person === by && id === effect.action && at <= approval.at,
    );
    if (!click) found.push(`${effect.action} was approved by ${by}, who never clicked`);
    else if (!entitled(books.world, by, click.at, approval.at)) found.push(`${by} could not approve ${effect.action}`);
  }
  return found;
}

/** Slack is asked between the click and the decision; at some moment in between each answer must have been a yes. */
function entitled({ rights }: World, person: string, click: number, decision: number): boolean {
  return (
    rights.hadWithin(person, approverGroup, click, decision) && rights.hadWithin(person, 'account', click, decision)
  );
}

function moreThanOnce({ world }: Books): string[] {
  const ids = world.target.effects.map(effect => effect.action);
  return [...new Set(ids)]
    .map(id => ({ id, times: ids.filter(other => other === id).length }))
    .filter(({ times }) => times > 1)
    .map(({ id, times }) => `${id} took effect ${times} times`);
}

/** The life of an action as its events tell it; refused clicks and wishes to stop may stand anywhere. */
const lives = new RegExp(
  '^asked(( refused| failed| interrupted| succeeded| cancelled)|( planned( approved( approval_dropped)*)*)?( started( succeeded| failed| cancelled| interrupted)?)?|' +
    ' planned( approved( approval_dropped)*)*( denied| withdrawn| expired))$',
);

const stateAfter: Readonly<Record<string, string>> = {
  asked: 'asked',
  planned: 'waiting',
  approved: 'waiting',
  started: 'running',
  refused: 'failed',
  withdrawn: 'cancelled',
};

function unrecorded(books: Books): string[] {
  const { world, actions, of } = books;
  return actions.flatMap(action => {
    const id = spoken(action.id);
    const kinds = of(action)
      .map(event => event.kind)
      .filter(kind => kind !== 'approval_refused' && kind !== 'cancel_asked');
    const last = kinds.at(-1) ?? 'nothing';
    const found: string[] = [];
    if (!lives.test(kinds.join(' '))) found.push(`${id} has a life that cannot be: ${kinds.join(' ')}`);
    const reads = action.risk === 'read' && action.state === 'running';
    if ((stateAfter[last] ?? last) !== action.state && !reads)
      found.push(`${id} is ${action.state}, its record ends with ${last}`);
    for (const effect of world.target.effects.filter(candidate => candidate.action === id)) {
      const started = of(action).find(event => event.kind === 'started');
      if (!started || started.at > effect.at) found.push(`${id} took effect before its start was recorded`);
    }
    return found;
  });
}

function brokenChain({ events }: Books): string[] {
  let previous = genesisHash;
  for (const [index, event] of events.entries()) {
    const { id, action_id: actionId, at } = event;
    const hash = hashOf({ id, actionId, kind: event.kind as EventKind, at, body: bodyOf(event) }, previous);
    if (event.seq !== index + 1) return [`event ${index + 1} is missing`];
    if (event.previous_hash !== previous || event.hash !== hash) return [`event ${event.seq} does not follow`];
    previous = hash;
  }
  return [];
}

function wrongChannel({ world, actions, of }: Books): string[] {
  return actions.flatMap(action => {
    const wanted = of(action);
    const hashes = new Set(wanted.map(event => event.hash));
    const posts = world.slack.audit.filter(({ post }) => post.hashes.some(hash => hashes.has(hash)));
    const shown = posts.flatMap(({ post }) => post.hashes);
    const seq = (hash: string) => wanted.find(event => event.hash === hash)?.seq ?? 'another action’s';
    const id = spoken(action.id);
    if (shown.join() !== wanted.map(event => event.hash).join()) {
      const both = `shows ${shown.map(seq).join(' ')}, recorded are ${wanted.map(event => event.seq).join(' ')}`;
      return [`of ${id} the channel ${both}`];
    }
    const [first, ...others] = posts;
    const apart = first?.post.thread !== undefined || others.some(({ post }) => post.thread !== first?.ts);
    return apart ? [`the messages about ${id} are not in one thread`] : [];
  });
}

function stuck({ actions }: Books): string[] {
  return actions
    .filter(({ state }) => state === 'asked' || state === 'waiting' || state === 'running')
    .map(({ id, state }) => `${spoken(id)} is ${state} for good`);
}

function stolen({ world, actions, of }: Books): string[] {
  return actions.flatMap(action => {
    const interrupted = of(action).find(event => event.kind === 'interrupted');
    if (!interrupted) return [];
    const death = world.deaths.get(action.holder ?? '');
    return death !== undefined && death <= interrupted.at
      ? []
      : [`${spoken(action.id)} was taken from ${action.holder}`];
  });
}

function untold({ world, actions }: Books): string[] {
  return actions
    .filter(action => action.finished_at !== null)
    .filter(action => !world.slack.shown.some(shown => tells(shown, action)))
    .map(
      ({ id, requester, state, outcome }) => `${requester} does not know that ${spoken(id)} is ${state}: ${outcome}`,
    );
}

/** What a message says of an end, besides the outcome's own words. */
const endings: Readonly<Partial<Record<Action['state'], RegExp>>> = {
  succeeded: /is done/,
  failed: /failed/,
  cancelled: /cancelled|withdrawn/,
  denied: /was denied|may no longer ask/,
  expired: /expired/,
  interrupted: /interrupted/,
};

function tells(shown: World['slack']['shown'][number], action: Action): boolean {
  const words = unescapeMrkdwn(shown.text);
  const says = words.includes(action.outcome ?? '\0') || (endings[action.state]?.test(words) ?? false);
  if (shown.to !== undefined) return shown.to === action.requester && shown.at >= action.asked_at && says;
  return shown.at >= action.finished_at! && shown.content.includes(spoken(action.id)) && says;
}
