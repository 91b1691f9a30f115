import { note, problem } from '../../blocks/frame.ts';
import { planAlone } from '../../blocks/plan-alone.ts';
import { type AccessRules, approvalsFor, type Whereabouts } from '../access/gate.ts';
import { planHash } from '../audit/plan-hash.ts';
import type { Answer, Command } from '../command.ts';
import { UserError } from '../errors.ts';
import { type Parsed, parse } from '../grammar.ts';
import { nearest } from '../nearest.ts';
import { quoted } from '../quoted.ts';
import { type Approvable, approvable, canonical } from './approvable.ts';
import { type ActionTarget, type Context, type Execution, type Place, spoken } from './context.ts';
import type { Action } from './ledger-types.ts';
import { explain, perform } from './perform.ts';
import { headingOf, showWaiting } from './show.ts';
import { TooMany } from './turns.ts';

/** A person's words on their way to becoming an action. */
export interface Asking {
  /** What Slack calls this request: the same one delivered twice is answered once. */
  readonly origin: string;
  readonly from: Whereabouts & { readonly team: string; readonly name: string };
  readonly place: Place;
  /** As typed, without `/db`. */
  readonly line: string;
}

/** From what was typed to an answer, a card, or a sentence that says why not. Never throws. */
export async function ask(context: Context, asking: Asking): Promise<void> {
  try {
    await context.turns.take(`asks ${asking.from.user}`, () => answerTo(context, asking));
  } catch (error) {
    if (error instanceof TooMany && error.told) return;
    await tellWhyNot(context, asking, error);
  }
}

async function answerTo(context: Context, request: Asking): Promise<void> {
  let asking = request;
  const begun = new AbortController();
  const notice = sayIfSlow(context, request, begun.signal);
  try {
    if (context.jobs.closed) {
      throw new UserError('The bot is shutting down, so nothing was started.', { hint: 'Type it again in a minute.' });
    }
    const understood = understand(context, asking.line);
    // Together, as both ask Slack who it is: one question, and one wait where Slack does not answer.
    const [verdict, name] = await Promise.all([
      context.gate.mayAsk(asking.from, understood.access, understood),
      nameOf(context, request.from),
    ]);
    asking = { ...request, from: { ...request.from, name } };
    if (!verdict.allowed) {
      const refused = understood.parsed && (await recordRefusal(context, asking, understood, verdict.why));
      const told = await tellWhyNot(context, asking, new UserError(verdict.why));
      if (refused && told) await context.ledger.told(refused.id);
      return;
    }
    if (!understood.parsed) throw understood.error;
    await begin(context, asking, { ...understood, parsed: understood.parsed }, begun);
  } catch (error) {
    await tellWhyNot(context, asking, error);
  } finally {
    begun.abort();
    await notice;
  }
}

/** @returns whether Slack took it. */
async function tellWhyNot(context: Context, { line, from, place }: Asking, error: unknown): Promise<boolean> {
  const { message, hint } = explain(context, error, { line, user: from.user });
  return context.stage.whisper(place, from.user, problem(message, hint));
}

/** Nobody is left without a word for three seconds, while Slack is asked who they are or a plan is made. Milliseconds. */
const patience = 1_400;

async function sayIfSlow(context: Context, { place, from, line }: Asking, begun: AbortSignal): Promise<void> {
  await context.sleep(patience, begun);
  if (begun.aborted) return;
  await context.stage.whisper(place, from.user, note(`Still looking into /db ${quoted(line.trim() || 'help')} …`));
}

/** The name in the record is what Slack calls the person; an envelope carries none, or an outdated one. */
async function nameOf(context: Context, { user, name }: Asking['from']): Promise<string> {
  return (await context.gate.nameOf(user)) || name;
}

/** What concerns no target is open to every member, wherever the bot is used; each request in it has its own rules. */
const theBotItself: AccessRules = {
  name: 'the bot',
  approvers: [],
  viewers: undefined,
  operators: undefined,
  approvals: { default: 1 },
  approversFromOtherGroups: false,
  breakGlass: false,
  channels: undefined,
  approvalChannel: undefined,
};

interface Understood {
  readonly target: ActionTarget;
  readonly access: AccessRules;
  readonly risk: Command['risk'];
  readonly needsApproval: boolean;
}

/** A line that makes no sense is still checked against who may ask: an outsider is not taught the grammar. */
function understand(
  context: Context,
  line: string,
): Understood & ({ parsed: Parsed } | { parsed: undefined; error: unknown }) {
  try {
    const parsed = parse(line, context.commands);
    const target = targetNamed(context, parsed.on);
    const { command } = parsed;
    const risk = onlyPlans(parsed) ? 'read' : command.risk;
    const needsApproval = risk === 'destructive' || target.approvalFor.has(command.name);
    const access = command.onTarget === false ? theBotItself : target.access;
    return { parsed, target, access, risk, needsApproval };
  } catch (error) {
    const target = targetNamed(context, undefined);
    return { parsed: undefined, error, target, access: theBotItself, risk: 'read', needsApproval: false };
  }
}

/** Whether somebody wants to see the plan of a destructive command, and nothing else. */
function onlyPlans({ command, args }: Parsed): boolean {
  return command.risk === 'destructive' && command.planOnly?.(args) === true;
}

function targetNamed(context: Context, name: string | undefined): ActionTarget {
  const target = context.targets.get(name ?? context.defaultTarget);
  if (target) return target;
  const names = [...context.targets.keys()];
  const near = nearest(name ?? '', names, 1);
  throw new UserError(`There is no target ${quoted(name ?? '')}.`, {
    hint:
      near.length > 0
        ? `Did you mean \`--on ${near[0]}\`?`
        : `There are: ${names.map(known => `\`${known}\``).join(', ')}.`,
  });
}

async function begin(
  context: Context,
  asking: Asking,
  understood: Understood & { parsed: Parsed },
  begun: AbortController,
): Promise<void> {
  const action = await context.ledger.ask(requestOf(asking, understood));
  if (action) await context.jobs.hold(action.id, () => carryOut(context, asking, action, understood, begun));
}

async function carryOut(
  context: Context,
  asking: Asking,
  action: Action,
  understood: Understood & { parsed: Parsed },
  begun: AbortController,
): Promise<void> {
  const { command, args } = understood.parsed;
  const form = understood.needsApproval ? approvable(command) : undefined;
  if (form) return propose(context, asking, action, understood, form);
  const started = await context.ledger.start(action.id);
  if (started?.is === 'lane busy') {
    await refuse(context, asking, action, busy(started.by));
    return;
  }
  if (!started) throw new Error(`action ${action.id} moved before it started`);
  const place: Action = {
    ...started.action,
    message_channel: asking.place.ts === undefined ? null : asking.place.channel,
    message_ts: asking.place.ts ?? null,
  };
  begun.abort();
  await perform(context, place, execution => runAtOnce(context, command, args, execution), {
    responseUrl: asking.place.responseUrl,
  });
}

/** @throws Error for a destructive command. */
export async function runAtOnce(
  context: Context,
  command: Command,
  args: Record<string, unknown>,
  execution: Execution,
): Promise<Answer> {
  if (command.risk === 'read') return command.run(args, context.services.read(execution));
  if (command.risk === 'routine') return command.run(args, context.services.routine(execution));
  if (onlyPlans({ command, args, on: undefined, reason: undefined })) {
    const card = command.card(command.planned.parse(await command.plan(args, context.services.read(execution))));
    return { view: planAlone(card), outcome: `only the plan: ${card.summary}` };
  }
  throw new Error(`${command.name} runs only from an approved plan`);
}

async function propose(
  context: Context,
  asking: Asking,
  action: Action,
  { parsed, target }: Understood & { parsed: Parsed },
  form: Approvable,
): Promise<void> {
  try {
    const approvers = await context.gate.couldAnybodyApprove(action.requester, target.access, action.command);
    if (!approvers.allowed) throw new UserError(approvers.why);
    if ((await context.ledger.waitingOf(action.requester)) >= context.maxWaiting) throw tooManyWaiting(context);
    await context.audit.settled(action.id, 1_500);
    const unrecorded = await context.audit.problem();
    if (unrecorded !== undefined) throw new UserError(unrecorded);
    const execution = { action, signal: AbortSignal.timeout(60_000), progress: () => {}, mayAct: neverActs };
    const plan = canonical(await form.plan(parsed.args, context.services.read(execution)));
    const card = form.card(plan);
    const waiting = await context.ledger.propose(action.id, {
      plan,
      planHash: planHash(plan),
      summary: card.summary,
      statement: card.statement,
      approvalsNeeded: approvalsFor(target.access.approvals, action.command),
      expiresAt: context.now() + context.approvalMilliseconds,
      breakGlass: target.access.breakGlass,
      mostWaiting: context.maxWaiting,
    });
    if (waiting === 'too many') throw tooManyWaiting(context);
    if (!waiting) throw new Error(`action ${action.id} moved while it was planned`);
    await showCardOrWithdraw(context, waiting, asking);
  } catch (error) {
    await refuse(context, asking, action, error);
  }
}

function neverActs(): never {
  throw new Error('a plan is made without any effect');
}

/** Ends an action that never ran, and tells its requester why. */
async function refuse(context: Context, asking: Asking, action: Action, error: unknown): Promise<void> {
  const { message, hint } = explain(context, error, { action: spoken(action.id), command: action.command });
  await context.ledger.abandon(action.id, error instanceof UserError ? 'refused' : 'failed', message);
  const told = await context.stage.whisper(asking.place, action.requester, problem(message, hint, headingOf(action)));
  if (told) await context.ledger.told(action.id);
}

/** A request that nobody can see waits for nobody: then it is withdrawn at once, and the requester told. */
async function showCardOrWithdraw(context: Context, action: Action, asking: Asking): Promise<void> {
  try {
    await showWaiting(context, action, asking.place.responseUrl);
  } catch (error) {
    context.log.warn({ err: error, action: spoken(action.id) }, 'the card could not be posted');
    // Slack may have posted it and lost the answer: if somebody has decided meanwhile, the decision stands.
    const withdrawn = await context.ledger.turnDown(action.id, 'cancelled', undefined, 'the card could not be posted');
    if (!withdrawn) return;
    const view = problem(
      'The request for approval could not be posted, so it was withdrawn. Nothing was done.',
      'Invite the bot to this channel with /invite and ask again.',
      headingOf(action),
    );
    if (await context.stage.whisper(asking.place, action.requester, view)) await context.ledger.told(action.id);
  }
}

async function recordRefusal(
  context: Context,
  asking: Asking,
  understood: Understood & { parsed: Parsed },
  why: string,
): Promise<Action | undefined> {
  const action = await context.ledger.ask(requestOf(asking, understood));
  return action && context.ledger.abandon(action.id, 'refused', why);
}

function requestOf(asking: Asking, { parsed, target, risk, needsApproval }: Understood & { parsed: Parsed }) {
  const { command, args, reason } = parsed;
  return {
    origin: asking.origin,
    command: command.name,
    arguments: canonical(args),
    typed: asking.line.trim() || command.name,
    target: target.settings.name,
    risk: needsApproval && risk === 'routine' ? ('routine' as const) : risk,
    lane: risk === 'read' ? null : laneOf(command),
    requester: asking.from.user,
    requester_name: asking.from.name,
    team: asking.from.team,
    channel: asking.place.channel,
    thread: asking.place.thread ?? null,
    reason: reason ?? null,
  };
}

/** Actions of one lane run one at a time on a target. */
export function laneOf(command: Command): string | null {
  if (command.risk === 'destructive') return 'change';
  return command.risk === 'routine' ? (command.lane ?? null) : null;
}

/** Cards that nobody gets to are read by nobody. */
function tooManyWaiting({ maxWaiting }: Context): UserError {
  return new UserError(
    `You have ${maxWaiting} request${maxWaiting === 1 ? '' : 's'} waiting for approval already, and no one person may have more.`,
    { hint: '`/db requests` shows them. Withdraw one you no longer need, or have one decided, then ask again.' },
  );
}

/** What a second person hears while the first one's action still runs. */
function busy(by: Action): UserError {
  return new UserError(`${spoken(by.id)} is still running on ${by.target}: /db ${by.typed}.`, {
    hint: 'One at a time: ask again when it has ended, or cancel it first.',
  });
}
