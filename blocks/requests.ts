import { actions, button, context, header, section } from './parts.ts';
import { code, count, cut, dateToken, escapeMrkdwn, oneLine } from './text.ts';
import type { View } from './view.ts';

/** A request as its card said it. */
export interface RequestFacts {
  readonly id: string;
  readonly command: string;
  readonly target: string;
  readonly summary: string;
  readonly requester: string;
  readonly reason: string | undefined;
  readonly expiresAt: Date;
  readonly approvals: number;
  readonly approvalsNeeded: number;
  readonly channel: string | undefined;
}

/** Enough for any evening; the next to expire come first. */
const most = 12;

/** What waits for a second person, the next to expire first. */
export function requestsView(waiting: readonly RequestFacts[]): View {
  if (waiting.length === 0) {
    return { text: 'Nothing waits for approval.', blocks: [section('Nothing waits for approval.')] };
  }
  const title = `${count(waiting.length, 'request')} ${waiting.length === 1 ? 'waits' : 'wait'} for approval`;
  const left = waiting.length - most;
  return {
    text: [
      title,
      ...waiting.slice(0, most).map(request => `${request.id}: ${brief(request.summary)} on ${brief(request.target)}`),
    ].join('\n'),
    blocks: [
      header(title),
      ...waiting
        .slice(0, most)
        .flatMap(request => [
          section(lines(request)),
          actions(button({ text: 'Withdraw', verb: 'withdraw', value: request.id })),
        ]),
      ...(left > 0 ? [context(`and ${left} more that expire later`)] : []),
      context('Approve or deny on the card itself.'),
    ],
  };
}

/** Says that a request was withdrawn before anybody ran it. */
export function withdrawnView(request: RequestFacts): View {
  const text = `${request.id} was withdrawn. Nothing was done.`;
  return {
    text,
    blocks: [section(`*${request.id}* was withdrawn: ${brief(request.summary)}. Nothing was done.`)],
  };
}

function lines(request: RequestFacts): string {
  const so = request.approvalsNeeded > 1 ? ` · ${request.approvals} of ${request.approvalsNeeded} approvals` : '';
  return [
    `*${request.id}* ${brief(request.summary)} on ${code(request.target)}`,
    `asked by <@${request.requester}>${request.channel ? ` in <#${request.channel}>` : ''} · expires ${dateToken(request.expiresAt)}${so}`,
    ...(request.reason ? [`Why: ${brief(request.reason)}`] : []),
  ].join('\n');
}

/** Cut after it is escaped: twelve of them together stay within what a message may hold. */
function brief(value: string): string {
  return cut(escapeMrkdwn(oneLine(value)), 200);
}
