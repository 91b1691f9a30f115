/** What surrounds a command's own view: who asked for what, where it stands, and what can be done next. */
import type { KnownBlock } from '@slack/types';
import { limits } from './limits.ts';
import { actions, button, context, divider, preformatted, section } from './parts.ts';
import { code, cut, dateToken, duration, escapeMrkdwn, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

/** An action as every message about it names it. */
export interface ActionHeading {
  /** `A-1042` */
  readonly id: string;
  /** Slack user id. */
  readonly requester: string;
  /** As typed, without `/db`. */
  readonly typed: string;
  readonly target: string;
  readonly reason: string | undefined;
}

/** The plan as its command shows it. */
export interface PlanView {
  readonly summary: string;
  /** The exact statement or argv. */
  readonly statement: string;
  readonly view: View;
  readonly confirm: string;
}

/** Who ran it without a second person, and why. */
export interface BrokenGlass {
  readonly by: string;
  readonly reason: string;
}

/** Where a request stands when it no longer waits. */
export type Standing =
  | {
      readonly is: 'running';
      readonly approvedBy: readonly string[];
      readonly brokenGlass?: BrokenGlass | undefined;
      readonly since: Date;
    }
  | {
      /** The first three ended without running. */
      readonly is: 'denied' | 'withdrawn' | 'expired' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';
      readonly approvedBy: readonly string[];
      readonly brokenGlass?: BrokenGlass | undefined;
      /** In a sentence, without its full stop where it did not run: `denied by ben “not now”`. */
      readonly outcome: string;
      readonly at: Date;
      /** How long it ran. */
      readonly seconds: number | undefined;
    };

/** An answer, signed with the action it belongs to. */
export function answer(heading: ActionHeading, view: View): View {
  return { text: view.text, blocks: [...view.blocks, signature(heading)] };
}

/** Shown when an answer takes longer than a person waits without a word. */
export function working(heading: ActionHeading): View {
  const text = `Working on ${heading.id}: ${plainly(`/db ${heading.typed}`, 300)}`;
  return { text, blocks: [section(`:hourglass_flowing_sand: Working on it …`), signature(heading)] };
}

/** What went wrong and what to do next. Plain text in; `hint` may carry `code` in backticks. */
export function problem(message: string, hint?: string, heading?: ActionHeading): View {
  return {
    text: escapeMrkdwn(hint ? `${message}\n${hint}` : message),
    blocks: [
      section(`:warning: ${escapeMrkdwn(message)}`),
      ...(hint ? [context(escapeMrkdwn(hint))] : []),
      ...(heading ? [signature(heading)] : []),
    ],
  };
}

/** A short note to one person. */
export function note(text: string): View {
  const escaped = escapeMrkdwn(text);
  return { text: escaped, blocks: [section(escaped)] };
}

/** The card of a request that waits: the plan in full, and the two buttons. */
export function waitingCard(
  heading: ActionHeading,
  plan: PlanView,
  waiting: {
    readonly expiresAt: Date;
    /** Ids of people and user groups. */
    readonly approvers: readonly string[];
    readonly approvedBy: readonly string[];
    readonly needed: number;
    /** Whether an operator may run it alone. */
    readonly breakGlass?: boolean;
  },
): View {
  const progress = waiting.approvedBy.length > 0 ? `Approved by ${people(waiting.approvedBy)}, ` : '';
  const missing = waiting.needed - waiting.approvedBy.length;
  const wanted = missing === 1 ? 'one more person' : `${missing} more people`;
  const who = waiting.needed === 1 ? 'a second person' : wanted;
  return {
    text: `${heading.id} needs approval: ${plainly(plan.summary, 300)} on ${plainly(heading.target, 100)}`,
    blocks: [
      section(
        lines(
          `:raised_hand: *${heading.id} waits for ${progress ? wanted : who}*`,
          `<@${heading.requester}> asks on ${code(heading.target)}: ${code(`/db ${heading.typed}`)}`,
          heading.reason && `*Why:* ${plainly(heading.reason, 500)}`,
        ),
      ),
      divider(),
      ...fitting(plan.view.blocks),
      actions(
        button({
          text: 'Approve',
          verb: 'approve',
          value: heading.id,
          style: 'danger',
          confirm: { title: `Approve ${heading.id}?`, text: plan.confirm, confirm: 'Approve', deny: 'Go back' },
        }),
        button({ text: 'Deny', verb: 'deny', value: heading.id }),
        ...(waiting.breakGlass ? [button({ text: 'Break glass', verb: 'break_glass', value: heading.id })] : []),
      ),
      context(
        `${progress}expires ${dateToken(waiting.expiresAt)} · may approve: ${people(waiting.approvers)} · never <@${heading.requester}>`,
      ),
      context('*Details*: what runs. If any of it no longer holds then, nothing is done.'),
      preformatted(plan.statement),
    ],
  };
}

/** The card of a request that was decided: the plan stays readable, the buttons are gone. */
export function settledCard(heading: ActionHeading, plan: PlanView, standing: Standing, result?: View): View {
  const text = headline(heading, plan, standing);
  const blocks = [
    section(lines(`*${text}*`, detail(standing, result !== undefined))),
    ...(result ? [...result.blocks, divider()] : []),
    section(
      lines(
        `<@${heading.requester}> asked on ${code(heading.target)}: ${code(`/db ${heading.typed}`)}`,
        heading.reason && `*Why:* ${plainly(heading.reason, 500)}`,
      ),
    ),
    ...fitting(
      plan.view.blocks.filter(block => block.type !== 'actions' && block.type !== 'header').slice(0, mostRemembered),
      result?.blocks,
    ),
  ];
  return {
    text: `${text}: ${plainly(plan.summary, 300)} on ${plainly(heading.target, 100)}`,
    // The waiting card has rich text, and Slack edits such a message only into one that has some too (block_mismatch).
    blocks: blocks.some(block => block.type === 'rich_text') ? blocks : [...blocks, preformatted(plan.statement)],
  };
}

/**
 * Reminds of a request that still waits, below its card.
 * @param waiting.names of approvers, plain text: they are named, and nobody is notified.
 * @param waiting.more how many there are beside them.
 */
export function reminder(
  heading: ActionHeading,
  waiting: {
    readonly names: readonly string[];
    readonly more: number;
    readonly missing: number;
    readonly expiresAt: Date;
  },
): View {
  const wanted = waiting.missing === 1 ? 'one more approval' : `${waiting.missing} more approvals`;
  const names = waiting.names.map(name => plainly(name, 80)).join(', ') || 'nobody who could be named';
  const more = waiting.more > 0 ? ` and ${waiting.more} more` : '';
  const said = (until: string) => `still waits for ${wanted}, until ${until}. May approve: ${names}${more}.`;
  return {
    text: `${heading.id} ${said(utc(waiting.expiresAt))}`,
    blocks: [section(`:hourglass_flowing_sand: *${heading.id}* ${said(dateToken(waiting.expiresAt))}`)],
  };
}

/** How it ended, for the requester, who is told by name. */
export function outcomeNote(heading: ActionHeading, ending: string): View {
  const said = plainly(ending, 1_000);
  return { text: `${heading.id} ${said}`, blocks: [section(`<@${heading.requester}> *${heading.id}* ${said}`)] };
}

function headline(heading: ActionHeading, plan: PlanView, standing: Standing): string {
  switch (standing.is) {
    case 'running':
      return standing.brokenGlass
        ? `:rotating_light: ${heading.id} runs without a second person`
        : `:arrows_counterclockwise: ${heading.id} is approved and running`;
    case 'denied':
      return `:no_entry: ${heading.id} was denied`;
    case 'withdrawn':
      return `:leftwards_arrow_with_hook: ${heading.id} was withdrawn`;
    case 'expired':
      return `:hourglass: ${heading.id} expired`;
    case 'succeeded':
      return `:white_check_mark: ${heading.id} is done`;
    case 'failed':
      return `:warning: ${heading.id} failed`;
    case 'cancelled':
      return `:octagonal_sign: ${heading.id} was cancelled`;
    case 'interrupted':
      return `:rotating_light: ${heading.id} was interrupted: nobody knows whether “${plainly(plan.summary, 100)}” took effect`;
  }
}

/** @param shown whether the outcome is shown as a view of its own. */
function detail(standing: Standing, shown: boolean): string {
  switch (standing.is) {
    case 'running':
      return standing.brokenGlass
        ? `${brokenBy(standing.brokenGlass)} ${dateToken(standing.since)}`
        : `Approved by ${people(standing.approvedBy)} ${dateToken(standing.since)}`;
    case 'denied':
    case 'withdrawn':
    case 'expired':
      return `${capital(plainly(standing.outcome, 700))}. Nothing was done. ${dateToken(standing.at)}`;
    default: {
      const time = standing.seconds === undefined ? '' : ` · took ${duration(standing.seconds)}`;
      const by = standing.approvedBy.length > 0 ? `Approved by ${people(standing.approvedBy)} · ` : '';
      return lines(
        !shown && escapeMrkdwn(cut(standing.outcome, 1_000)),
        standing.brokenGlass && brokenBy(standing.brokenGlass),
        `${by}${dateToken(standing.at)}${time}`,
      );
    }
  }
}

function brokenBy({ by, reason }: BrokenGlass): string {
  return `:rotating_light: *Break-glass*: run by <@${by}> alone, “${plainly(reason, 500)}”`;
}

function signature(heading: ActionHeading): KnownBlock {
  return context(
    `*${heading.id}* · <@${heading.requester}> · ${code(`/db ${heading.typed}`)} · ${code(heading.target)}`,
  );
}

function people(ids: readonly string[]): string {
  if (ids.length === 0) return 'nobody';
  const shown = ids.slice(0, 8).map(id => (id.startsWith('S') ? `<!subteam^${id}>` : `<@${id}>`));
  return ids.length > shown.length ? `${shown.join(', ')} and ${ids.length - shown.length} more` : shown.join(', ');
}

/** A plan's view beside the frame's own blocks, within Slack's 50. */
const mostPlanBlocks = 40;

/** Blocks of a plan that a decided request still shows: what it was about, not what it might have led to. */
const mostRemembered = 3;

/** What the frame's own words and JSON take of a message's text, generously. */
const ownText = 4_000;

/** As much of a plan as fits beside the other blocks of its card, from its beginning. */
function fitting(blocks: readonly KnownBlock[], others: readonly KnownBlock[] = []): KnownBlock[] {
  let left = limits.textInMessage - ownText - length(others);
  const fit: KnownBlock[] = [];
  for (const block of blocks.slice(0, Math.max(0, mostPlanBlocks - others.length))) {
    left -= length([block]);
    if (left < 0) break;
    fit.push(block);
  }
  return fit;
}

/** Never less than the text that Slack counts. */
function length(blocks: readonly KnownBlock[]): number {
  return blocks.reduce((sum, block) => sum + JSON.stringify(block).length, 0);
}

/** A value in the text twin: notifications parse that as the blocks are parsed. */
function plainly(value: string, max: number): string {
  return cut(escapeMrkdwn(oneLine(value)), max);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lines(...all: (string | undefined | false)[]): string {
  return all.filter(Boolean).join('\n');
}
