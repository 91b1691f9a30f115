/** What the audit channel shows. Written for someone who reads it months later and knows nobody's nickname. */
import { limits } from './limits.ts';
import { context, section } from './parts.ts';
import { code, cut, dateToken, duration, escapeMrkdwn, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

/** One event of the record. */
export interface AuditEvent {
  readonly seq: number;
  readonly actionId: number;
  readonly kind: string;
  readonly at: number;
  /** JSON. */
  readonly body: string;
  readonly hash: string;
}

type Body = Readonly<Record<string, unknown>>;

/** Consecutive events of one action as one message. `first`: the message that opens the action's thread. */
export function auditView(events: readonly AuditEvent[], first: boolean): View {
  const told = events.map(event => line(event, JSON.parse(event.body) as Body));
  const id = `A-${events[0]?.actionId}`;
  const [opening, ...following] = told.map(({ mrkdwn }) => mrkdwn);
  return {
    text: cut(`${id} ${told.map(({ plain }) => plain).join('; ')}`, limits.messageText),
    blocks: [
      section(`${first ? '' : '↳ '}*${id}* ${opening}`),
      ...following.map(text => section(text)),
      context(events.flatMap(proof).join(' · ')),
    ],
  };
}

/** An event's place and short hash, after its time where that is another than the one before it. */
function proof({ seq, at, hash }: AuditEvent, index: number, events: readonly AuditEvent[]): string[] {
  const minute = (time: number | undefined) => Math.floor((time ?? 0) / 60_000);
  const later = index === 0 || minute(at) !== minute(events[index - 1]?.at);
  return [...(later ? [dateToken(new Date(at))] : []), `#${seq} \`${hash.slice(0, 12)}\``];
}

interface Line {
  readonly mrkdwn: string;
  readonly plain: string;
}

function line(event: AuditEvent, body: Body): Line {
  const who = person(body.by, body.name);
  switch (event.kind) {
    case 'asked':
      return asked(body);
    case 'planned': {
      const until = new Date(Number(body.expires_at));
      const needed = Number(body.approvals_needed);
      const summary = value(body.summary, 300);
      return {
        mrkdwn: `waits for ${needed === 1 ? 'a second person' : `${needed} approvals`} until ${dateToken(until)}\nplan: ${summary}\nruns: ${code(String(body.statement).replaceAll('\n', '; '), 2_000)}\nplan's SHA-256: ${code(String(body.plan_sha256), 64)}`,
        plain: `waits for approval until ${utc(until)}: ${summary}`,
      };
    }
    case 'approved':
      return same(`approved by ${who} (${Number(body.approvals)} of ${Number(body.approvals_needed)})`);
    case 'approval_refused':
      return same(`${who} clicked, which did not count, and was told: “${value(body.why, 300)}”`);
    case 'approval_dropped':
      return same(`the approval of ${who} no longer counts: “${value(body.why, 300)}”`);
    case 'broke_glass':
      return same(
        `:rotating_light: *BREAK-GLASS* by ${who}, without a second person: “${value(body.reason, 500)}”. Every approver is told.`,
      );
    case 'denied':
    case 'withdrawn':
      return same(
        `${event.kind}${body.by ? ` by ${who}` : ''}${body.reason ? `: “${value(body.reason, 500)}”` : ''}. Nothing was done.`,
      );
    case 'expired':
      return same('expired: nobody decided in time. Nothing was done.');
    case 'started':
      return same('started');
    case 'purged':
      return same(
        `the bot removed ${Number(body.events)} events of the store, up to #${Number(body.upto)}, which were older than ${Number(body.days)} days; the hash they end with is ${code(String(body.hash), 64)}`,
      );
    case 'noticed':
      return same(
        `${body.bad ? ':warning:' : ':white_check_mark:'} ${code(String(body.target))}: ${value(body.says, 1_000)}`,
      );
    case 'cancel_asked':
      return same(`${who} asked it to stop`);
    case 'interrupted':
      return same(`:rotating_light: *interrupted*: ${value(body.outcome, 500)}`);
    case 'refused':
      return same(`*refused*, told: “${value(body.outcome, 500)}”`);
    default: {
      const took = typeof body.milliseconds === 'number' ? ` after ${duration(body.milliseconds / 1000)}` : '';
      return same(`*${event.kind}*${took}: ${value(body.outcome, 500)}`);
    }
  }
}

function asked(body: Body): Line {
  const who = person(body.requester, body.name);
  const typed = `/db ${String(body.typed)}`;
  const why = body.reason ? `\nwhy: “${value(body.reason, 500)}”` : '';
  if (body.by_itself !== undefined) {
    return {
      mrkdwn: `${code(typed, 600)} on ${code(String(body.target))} by itself${why}`,
      plain: `${value(typed, 200)} on ${value(body.target, 60)} by itself`,
    };
  }
  return {
    mrkdwn: `${who} asked ${code(typed, 600)} on ${code(String(body.target))} from <#${value(body.channel, 40)}>${why}`,
    plain: `${who} asked ${value(typed, 200)} on ${value(body.target, 60)}`,
  };
}

/** By name and id: names change, ids do not. No mention, which would notify the person of each line. */
function person(id: unknown, name: unknown): string {
  return id ? `${value(name ?? '', 80)} (${value(id, 40)})` : 'nobody';
}

function value(raw: unknown, max: number): string {
  return cut(escapeMrkdwn(oneLine(String(raw))), max);
}

function same(text: string): Line {
  return { mrkdwn: text, plain: text };
}
