/** What must hold of every run, whatever was killed, lost, late, doubled or forged in it. */
import { unescapeMrkdwn } from '../../blocks/text.ts';
import { spoken } from '../../src/actions/context.ts';
import type { Action } from '../../src/actions/ledger-types.ts';
import { type EventKind, hashOf } from '../../src/audit/record.ts';
import { genesisHash } from '../../src/store/schema.ts';
import { type Books, bodyOf, countedIn } from './books.ts';
import { letIn, withoutApproval } from './entitlement.ts';
import { approverGroup, isFullMember, people } from './people.ts';
import type { World } from './world.ts';

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

/** Every invariant that the run has broken. */
export async function violations(world: World): Promise<Violation[]> {
  const actions = await world.db.selectFrom('actions').selectAll().orderBy('id').execute();
  const events = await world.db.selectFrom('events').selectAll().orderBy('seq').execute();
  const approvals = await world.db.selectFrom('approvals').selectAll().orderBy('person').execute();
  const books: Books = {
    world,
    actions,
    events,
    approvals,
    of: action => events.filter(event => event.action_id === action.id),
  };
  const check = (invariant: string, found: readonly string[]) => found.map(what => ({ invariant, what }));
  return [
    ...check('no effect without approval', withoutApproval(books)),
    ...check('nobody is let in', letIn(books)),
    ...check('one effect an action', moreThanOnce(books)),
    ...check('every effect and decision is recorded', unrecorded(books)),
    ...check('the chain verifies', brokenChain(books)),
    ...check('the channel shows every event once, in order', wrongChannel(books)),
    ...check('nothing is stuck', stuck(books)),
    ...check('nothing is taken from a process that lives', stolen(books)),
    ...check('one at a time', together(books)),
    ...check('whoever runs at SIGTERM is given its time', world.slips),
    ...check('the requester learns the outcome', untold(books)),
    ...check('every approver hears of a broken glass', unalarmed(books)),
    ...check('approvers are reminded twice at most', remindedTooOften(books)),
  ];
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
  '^asked(( refused| failed| interrupted| succeeded| cancelled)|( planned( approved( approval_dropped)*)*( broke_glass)?)?( started( succeeded| failed| cancelled| interrupted)?)?|' +
    ' planned( approved( approval_dropped)*)*( denied| withdrawn| expired))$',
);

const stateAfter: Readonly<Record<string, string>> = {
  asked: 'asked',
  planned: 'waiting',
  approved: 'waiting',
  approval_dropped: 'waiting',
  started: 'running',
  refused: 'failed',
  withdrawn: 'cancelled',
};

function unrecorded(books: Books): string[] {
  const { world, actions, approvals, of } = books;
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
    const counted = approvals.filter(approval => approval.action_id === action.id).map(({ person }) => person);
    const recorded = [...countedIn(of(action)).keys()].sort();
    if (counted.join() !== recorded.join()) {
      found.push(`of ${id} the approvals of ${counted.join()} count, recorded are ${recorded.join()}`);
    }
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

/** Only from a dead process may an action be taken, or from one that lost its store. */
function stolen({ world, actions, of }: Books): string[] {
  return actions.flatMap(action => {
    const interrupted = of(action).find(event => event.kind === 'interrupted');
    if (!interrupted) return [];
    const death = world.deaths.get(action.holder ?? '');
    const ofDead = death !== undefined && death <= interrupted.at;
    const ofLost = world.storeTrouble.happened.some(
      ({ owner, at }) => owner.name === action.holder && at >= action.asked_at && at <= interrupted.at,
    );
    return ofDead || ofLost ? [] : [`${spoken(action.id)} was taken from ${action.holder}`];
  });
}

/** Of the actions that share a target's lane, one runs at a time, as the record tells it. */
function together({ actions, of }: Books): string[] {
  const runs = actions.flatMap(action => {
    const started = of(action).find(event => event.kind === 'started');
    if (!started || action.lane === null) return [];
    const ended = of(action).find(event => event.seq > started.seq && event.kind === action.state);
    return [{ action, lane: `${action.target} ${action.lane}`, from: started.seq, to: ended?.seq ?? Infinity }];
  });
  return runs.flatMap(run =>
    runs
      .filter(other => other.lane === run.lane && other.from < run.from && run.from < other.to)
      .map(other => `${spoken(run.action.id)} was started while ${spoken(other.action.id)} ran on ${run.lane}`),
  );
}

/** Whoever was an approver from then on to the end was told, by name of the action. */
function unalarmed({ world, actions, of }: Books): string[] {
  const { rights, scheduler, slack } = world;
  return actions.flatMap(action => {
    const broken = of(action).find(event => event.kind === 'broke_glass');
    if (!broken) return [];
    return people
      .map(({ id }) => id)
      .filter(id => isFullMember(id) && id !== action.broken_by)
      .filter(id => rights.hadThroughout(id, approverGroup, broken.at, scheduler.now()))
      .filter(id => rights.hadThroughout(id, 'account', broken.at, scheduler.now()))
      .filter(id => !slack.shown.some(({ channel, text }) => channel === `D${id}` && alarms(text, action)))
      .map(id => `${id} was not told that ${action.broken_by} ran ${spoken(action.id)} alone`);
  });
}

function alarms(text: string, action: Action): boolean {
  return text.startsWith(`BREAK-GLASS: ${spoken(action.id)} `);
}

function remindedTooOften({ world, actions }: Books): string[] {
  return actions.flatMap(({ id }) => {
    const times = world.slack.shown.filter(({ text }) => text.startsWith(`${spoken(id)} still waits for`)).length;
    return times > 2 ? [`approvers were reminded ${times} times of ${spoken(id)}`] : [];
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
