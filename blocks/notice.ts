/** What approvers are told by direct message of what happened without anybody asking. */
import { section } from './parts.ts';
import { code, count, cut, dateToken, escapeMrkdwn, oneLine, utc } from './text.ts';
import type { View } from './view.ts';

/** Times are milliseconds since 1970. */
export type NoticeFacts =
  | {
      readonly is: 'failed';
      readonly target: string;
      readonly step: string;
      readonly action: string;
      /** What had succeeded before. */
      readonly first?: { readonly step: string; readonly action: string } | undefined;
      readonly due: number;
      readonly state: string;
      readonly outcome: string;
      readonly next?: number | undefined;
    }
  | {
      readonly is: 'missed';
      readonly target: string;
      readonly step: string;
      readonly action: string;
      readonly since: number;
      readonly times: number;
      readonly because: string;
    }
  | {
      readonly is: 'interrupted';
      readonly target: string;
      readonly action: string;
      readonly typed: string;
      readonly outcome: string;
    }
  | {
      readonly is: 'watched';
      readonly target: string;
      readonly bad: boolean;
      readonly says: string;
      readonly action: string;
    };

const why = 'You are told because you approve for this target.';

/** One message: what happened, to what, and what to do next. */
export function noticeView(facts: NoticeFacts): View {
  switch (facts.is) {
    case 'failed':
      return failed(facts);
    case 'missed':
      return missed(facts);
    case 'interrupted':
      return interrupted(facts);
    case 'watched':
      return watched(facts);
  }
}

function failed({ target, step, action, first, due, state, outcome, next }: NoticeFacts & { is: 'failed' }): View {
  const title = `The scheduled ${step} of ${brief(target, 60)} ${state === 'failed' ? 'failed' : `was ${brief(state, 20)}`}`;
  const kept = first && `The ${brief(first.step, 40)} before it (${first.action}) succeeded and is kept.`;
  const then = next === undefined ? '' : ` The schedule tries again ${dateToken(new Date(next))}.`;
  const advice =
    step === 'offsite-copy'
      ? `→ Mend what it says, then type ${code(`/db backup-copy latest --on ${target}`)}: what is lost with the bot’s host is lost for good until then.${then}`
      : first
        ? `→ Do not rely on that ${brief(first.step, 40)} before you know why: ${code(`/db audit --action ${action}`)}.${then}`
        : `→ Mend what it says, then type ${code(`/db ${step} --on ${target}`)}: until one succeeds there is no newer one.${then}`;
  return view(`${title} (${action})`, [
    `:warning: *${title}* (${action})`,
    `It was due ${dateToken(new Date(due))}. ${brief(outcome, 700)}`,
    ...(kept ? [kept] : []),
    advice,
    why,
  ]);
}

function missed({ target, step, action, since, times, because }: NoticeFacts & { is: 'missed' }): View {
  const what =
    times === 1
      ? `The ${step} of ${brief(target, 60)} did not run when it was due`
      : `${count(times, `${step} of ${brief(target, 60)}`, `${step}s of ${brief(target, 60)}`)} did not run when they were due`;
  const due = times === 1 ? 'It was due' : 'The first was due';
  return view(`${what} (${utc(new Date(since))})`, [
    `:warning: *${what}*`,
    `${due} ${dateToken(new Date(since))}, and ${brief(because, 300)}. One is taken now: ${action}.`,
    `→ Nothing to do if that succeeds; you hear of it if it does not. How it ends: ${code(`/db schedule --on ${target}`)}.`,
    why,
  ]);
}

function interrupted({ target, action, typed, outcome }: NoticeFacts & { is: 'interrupted' }): View {
  const title = `The bot stopped while ${action} ran on ${brief(target, 60)}`;
  return view(title, [`:warning: *${title}*: ${code(`/db ${brief(typed, 300)}`)}`, brief(outcome, 1_200), why]);
}

function watched({ target, bad, says, action }: NoticeFacts & { is: 'watched' }): View {
  const text = `${brief(target, 60)}: ${brief(says, 1_000)}`;
  return view(text, [`${bad ? ':warning:' : ':white_check_mark:'} *${text}* (${action})`, why]);
}

function view(text: string, lines: readonly string[]): View {
  return { text, blocks: [section(lines.join('\n'))] };
}

function brief(value: string, max: number): string {
  return cut(escapeMrkdwn(oneLine(value)), max);
}
