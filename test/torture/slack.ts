import type { View } from '../../blocks/view.ts';
import type { SlackQuestions } from '../../src/access/directory.ts';
import type { Place, Stage } from '../../src/actions/context.ts';
import type { AuditChannel, AuditPost, PostResult } from '../../src/audit/channel.ts';
import type { Network } from './network.ts';
import { approverGroup, homeTeam, operatorGroup, people, type Rights } from './people.ts';
import type { Owner, Scheduler } from './scheduler.ts';

/** A message, or a later version of one, as people saw it. */
export interface Shown {
  readonly channel: string;
  readonly ts: string;
  readonly thread: string | undefined;
  readonly text: string;
  /** Everything a person reads of it, buttons included. */
  readonly content: string;
  readonly at: number;
  /** Who alone sees it. */
  readonly to: string | undefined;
}

export interface Posted {
  readonly ts: string;
  readonly at: number;
  readonly post: AuditPost;
}

/** The simulated workspace: what people and the audit channel show. */
export class SimulatedSlack {
  readonly shown: Shown[] = [];
  readonly audit: Posted[] = [];
  /** Until this virtual moment the audit channel is archived. */
  archivedUntil = 0;
  /** Called with the text of each new message. */
  appeared: (text: string) => void = () => {};
  readonly #scheduler: Scheduler;
  readonly #rights: Rights;
  #messages = 0;

  constructor(scheduler: Scheduler, rights: Rights) {
    this.#scheduler = scheduler;
    this.#rights = rights;
  }

  show(place: Place, view: View, to?: string): Place {
    const ts = place.ts ?? this.#newTs();
    const content = `${view.text}\n${JSON.stringify(view.blocks)}`;
    const at = this.#scheduler.now();
    this.shown.push({ channel: place.channel, ts, thread: place.thread, text: view.text, content, at, to });
    this.#scheduler.trace(`${to ? `${to} alone sees` : 'people see'} ${ts}: ${view.text.split('\n')[0]}`);
    if (place.ts === undefined) this.appeared(view.text);
    return { channel: place.channel, ts };
  }

  post(post: AuditPost): PostResult {
    if (this.#scheduler.now() < this.archivedUntil) return { is: 'refused', why: 'is_archived' };
    const ts = this.#newTs();
    this.audit.push({ ts, at: this.#scheduler.now(), post });
    this.#scheduler.trace(`the record shows ${ts}: ${post.view.text}`);
    return { is: 'posted', ts };
  }

  usersInfo(id: string): unknown {
    const person = people.find(candidate => candidate.id === id);
    if (!person) return { ok: false, error: 'user_not_found' };
    const deleted = !this.#rights.has(id, 'account');
    const { name, guest = false, team = homeTeam } = person;
    return { ok: true, user: { id, name, team_id: team, deleted, is_restricted: guest } };
  }

  members(group: string): unknown {
    if (group !== approverGroup && group !== operatorGroup) return { ok: false, error: 'no_such_subteam' };
    return { ok: true, users: this.#rights.members(group) };
  }

  #newTs(): string {
    this.#messages += 1;
    return `1000.${String(this.#messages).padStart(6, '0')}`;
  }
}

/** The workspace as one process reaches it. */
export function slackOf(
  owner: Owner,
  slack: SimulatedSlack,
  network: Network,
): { stage: Stage; channel: AuditChannel; questions: SlackQuestions } {
  const asked = async (label: string, answer: () => unknown) => {
    const reply = await network.call(owner, label, answer);
    if (reply.is === 'answered') return reply.value;
    throw new Error(reply.is);
  };
  return {
    stage: {
      async put(place, view) {
        const reply = await network.call(owner, place.ts === undefined ? 'posts' : 'edits', () =>
          slack.show(place, view),
        );
        if (reply.is === 'answered') return reply.value;
        throw new Error(`Slack: ${reply.is}`);
      },
      async whisper(place, person, view) {
        const reply = await network.call(owner, 'whispers', () => slack.show({ channel: place.channel }, view, person));
        return reply.is === 'answered';
      },
      async attach() {
        return 'there are no files here';
      },
      async direct(person, view) {
        const reply = await network.call(owner, 'sends a direct message', () =>
          slack.show({ channel: `D${person}` }, view, person),
        );
        return reply.is === 'answered';
      },
    },
    channel: {
      name: '#db-audit',
      async post(post) {
        const reply = await network.call(owner, 'posts to the record', () => slack.post(post));
        switch (reply.is) {
          case 'answered':
            return reply.value;
          case 'unanswered':
            return { is: 'unknown', why: 'no answer' };
          case 'rate limited':
            return { is: 'later', seconds: reply.seconds };
          case 'refused':
            return { is: 'refused', why: 'restricted_action' };
        }
      },
      async find(id, _, since) {
        const reply = await network.call(owner, 'looks in the record', () =>
          slack.audit.find(({ post, at }) => post.id === id && at >= since),
        );
        return reply.is === 'answered' ? { ts: reply.value?.ts } : { unknown: reply.is };
      },
    },
    questions: {
      usersInfo: id => asked(`asks who ${id} is`, () => slack.usersInfo(id)),
      conversationInfo: id => asked(`asks what ${id} is`, () => ({ ok: true, channel: { id } })),
      usergroupMembers: id => asked(`asks who is in ${id}`, () => slack.members(id)),
    },
  };
}
