/** Who was let in, and who should have been: each decision and each effect against what Slack said at the time. */
import { createHash } from 'node:crypto';
import { approvalsFor } from '../../src/access/gate.ts';
import { canonical } from '../../src/actions/approvable.ts';
import { spoken, unspoken } from '../../src/actions/context.ts';
import { type Action, shortestReason } from '../../src/actions/ledger-types.ts';
import { type Books, bodyOf, countedIn, type Event } from './books.ts';
import { approverGroup, isFullMember, operatorGroup, type Right } from './people.ts';
import { targets } from './settings.ts';
import type { Effect } from './target.ts';
import type { Click, Verb, World } from './world.ts';

/** Where Slack is not asked afresh, its answer may be this old, milliseconds: a minute, and the question's own time. */
const remembered = 90_000;

/** Each effect of what needs approval has its approvals or its broken glass, by people entitled to it. */
export function withoutApproval(books: Books): string[] {
  return books.world.target.effects.flatMap(effect => {
    const action = books.actions.find(candidate => spoken(candidate.id) === effect.action);
    if (!action) return [`${effect.action} took effect and is not in the store`];
    const rules = targets.get(action.target)!;
    if (effect.command !== 'zap' && !rules.approvalFor.has(effect.command)) return [];
    return [...whyOtherWork(books, action, effect), ...whyNotLetRun(books, action, effect)];
  });
}

/** What was done is what the plan says, to the letter. */
function whyOtherWork(books: Books, action: Action, effect: Effect): string[] {
  const planned = books.of(action).find(event => event.kind === 'planned');
  if (!planned) return [`${effect.action} took effect without a plan`];
  const stored = action.plan ?? '';
  const { args } = JSON.parse(stored) as { readonly args?: unknown };
  const approvedWork = args === undefined ? stored : canonical(args);
  const same = bodyOf(planned).plan_sha256 === createHash('sha256').update(stored).digest('hex');
  return same && effect.plan === approvedWork ? [] : [`${effect.action} did ${effect.plan}, which nobody approved`];
}

function whyNotLetRun(books: Books, action: Action, effect: Effect): string[] {
  const before = books.of(action).filter(event => event.at <= effect.at);
  const started = before.find(event => event.kind === 'started');
  if (!started) return [`${effect.action} took effect before it was started`];
  const broken = before.find(event => event.kind === 'broke_glass');
  return broken ? whyNotBroken(books.world, action, broken) : whyNotApproved(books.world, action, before, started);
}

function whyNotApproved(world: World, action: Action, events: readonly Event[], started: Event): string[] {
  const id = spoken(action.id);
  const counted = countedIn(events);
  const found: string[] = [];
  const needed = approvalsFor(targets.get(action.target)!.access.approvals, action.command);
  if (counted.size < needed) found.push(`${id} took effect with ${counted.size} of ${needed} approvals`);
  if (counted.has(action.requester)) found.push(`${id} was approved by its requester`);
  const last = [...counted.values()].sort((a, b) => a.seq - b.seq).at(-1);
  if (!last) return [`${id} took effect without an approval`];
  const decided = clickOf(world, action, String(bodyOf(last).by), ['approve'], last.at)?.at ?? last.at;
  for (const [by, approval] of counted) {
    if (approval.at >= (action.expires_at ?? 0)) found.push(`${id} was approved by ${by} after it had expired`);
    const click = clickOf(world, action, by, ['approve'], approval.at);
    // An earlier approval is looked at again when the last one comes.
    const from = approval.at < decided ? decided : (click?.at ?? approval.at);
    if (!click) found.push(`${id} was approved by ${by}, who never clicked`);
    else if (!had(world, by, [approverGroup], from, started.at)) found.push(`${by} could not approve ${id}`);
  }
  if (!had(world, action.requester, operating(action), decided, started.at)) {
    found.push(`${action.requester} might no longer ask for ${id} when it was started`);
  }
  return found;
}

function whyNotBroken(world: World, action: Action, broken: Event): string[] {
  const id = spoken(action.id);
  const by = String(bodyOf(broken).by);
  const click = clickOf(world, action, by, ['breakGlass'], broken.at);
  if (!click?.typed) return [`${id} was run alone by ${by}, who never asked for that`];
  const forms = clicksOf(world, action, by, ['breakGlass'], broken.at).flatMap(({ typed }) => typed ?? []);
  const meant = forms.some(
    ({ typedId, reason }) =>
      unspoken(typedId) === action.id &&
      Array.from(reason.trim()).length >= shortestReason &&
      reason.trim() === bodyOf(broken).reason,
  );
  const found: string[] = [];
  if (!meant) found.push(`${by} ran ${id} alone without typing its id and a reason`);
  if (!targets.get(action.target)!.access.breakGlass) found.push(`nothing on ${action.target} runs alone, ${id} did`);
  if (broken.at >= (action.expires_at ?? 0)) found.push(`${id} was run alone after it had expired`);
  if (!had(world, by, [operatorGroup], click.at, broken.at)) found.push(`${by} could not run ${id} alone`);
  if (!had(world, action.requester, operating(action), click.at, broken.at)) {
    found.push(`${action.requester} might no longer ask for ${id} when it was run alone`);
  }
  return found;
}

/** Whoever asked, was answered, turned something down or stopped it was let in. */
export function letIn(books: Books): string[] {
  const { world, actions, of } = books;
  return actions.flatMap(action => {
    const id = spoken(action.id);
    const served = of(action).some(({ kind }) => kind === 'planned' || kind === 'started' || kind === 'succeeded');
    const rights = action.risk === 'read' ? [] : operating(action);
    const asked = !served || had(world, action.requester, rights, action.asked_at - remembered, action.asked_at);
    return [
      ...(asked ? [] : [`${action.requester} could not ask for ${id}`]),
      ...of(action).flatMap(event => whyNotTurnedDown(world, action, event)),
    ];
  });
}

const turningDown: Readonly<Record<string, readonly Verb[]>> = {
  denied: ['deny'],
  withdrawn: ['deny', 'withdraw'],
  cancel_asked: ['cancel'],
};

function whyNotTurnedDown(world: World, action: Action, event: Event): string[] {
  const verbs = turningDown[event.kind];
  const { by } = bodyOf(event);
  if (!verbs || typeof by !== 'string') return [];
  const said = `${spoken(action.id)} was ${event.kind} by ${by}`;
  const clicks = clicksOf(world, action, by, verbs, event.at);
  if (clicks.length === 0) return [`${said}, who never clicked`];
  const might = clicks.some(({ verb, at }) => {
    if (verb === 'deny') return had(world, by, by === action.requester ? [] : [approverGroup], at, event.at);
    return had(world, by, action.risk === 'read' ? [] : operating(action), at - remembered, event.at);
  });
  return might ? [] : [`${said}, who might not`];
}

function operating({ target }: Action): readonly Right[] {
  return targets.get(target)!.access.operators === undefined ? [] : [operatorGroup];
}

/** At some moment in between, each answer of Slack's could have been a yes. */
function had(world: World, person: string, rights: readonly Right[], first: number, last: number): boolean {
  const all: readonly Right[] = ['account', ...rights];
  return isFullMember(person) && all.every(right => world.rights.hadWithin(person, right, first, last));
}

/** The clicks that can have led to what a person is recorded to have done. */
function clicksOf(world: World, { id }: Action, person: string, verbs: readonly Verb[], at: number): readonly Click[] {
  return world.clicks.filter(
    click =>
      click.person === person &&
      verbs.includes(click.verb) &&
      unspoken(click.action) === id &&
      click.at <= at &&
      at <= click.doneAt,
  );
}

function clickOf(...[world, action, person, verbs, at]: Parameters<typeof clicksOf>): Click | undefined {
  return clicksOf(world, action, person, verbs, at)[0];
}
