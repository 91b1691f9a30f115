import { z } from 'zod';
import { type Channel, channelFrom } from './channel.ts';
import { ask, type Known } from './known.ts';
import { isChannel, isUserGroup, type Members } from './members.ts';
import { type Person, personFrom } from './person.ts';

/**
 * Three questions to Slack, one Web API method each. A call resolves with the body or rejects as the Web API client
 * does, and it settles: its client has a timeout.
 */
export interface SlackQuestions {
  /** users.info */
  usersInfo(user: string): Promise<unknown>;
  /** conversations.info */
  conversationInfo(channel: string): Promise<unknown>;
  /** usergroups.users.list */
  usergroupMembers(usergroup: string): Promise<unknown>;
}

/** `fresh` asks Slack whatever is remembered: at an approval, and again when an approved action runs. */
export interface LookupOptions {
  readonly fresh?: boolean;
}

const usergroupUsers = z.object({ users: z.array(z.string().min(1)) });

/** An answer about who is in a group may be this old, in milliseconds, when it is not asked for afresh. */
const rememberedFor = 60_000;

/** Who people, channels and user groups are, remembered for at most a minute. Its questions never reject. */
export class Directory {
  readonly #slack: SlackQuestions;
  readonly #people: Remembered<Person>;
  readonly #channels: Remembered<Channel>;
  readonly #groups: Remembered<readonly string[]>;

  /** @param now the time in milliseconds. */
  constructor(slack: SlackQuestions, now: () => number) {
    this.#slack = slack;
    this.#people = new Remembered(now);
    this.#channels = new Remembered(now);
    this.#groups = new Remembered(now);
  }

  /** An answer about someone else than was asked for is no answer. */
  person(id: string, options: LookupOptions = {}): Promise<Known<Person>> {
    const read = (body: unknown) => sameId(id, personFrom(body));
    return this.#people.get(id, options, () =>
      ask(() => this.#slack.usersInfo(id), read, ['user_not_found', 'user_not_visible', 'users_not_found']),
    );
  }

  channel(id: string, options: LookupOptions = {}): Promise<Known<Channel>> {
    const read = (body: unknown) => sameId(id, channelFrom(body));
    return this.#channels.get(id, options, () =>
      ask(() => this.#slack.conversationInfo(id), read, ['channel_not_found']),
    );
  }

  /**
   * Who ids of people, user groups and channels stand for. A group that does not exist, or a workspace whose plan has
   * no user groups, adds nobody.
   */
  async members(ids: readonly string[], options: LookupOptions = {}): Promise<Members> {
    const groups = ids.filter(isUserGroup);
    const answers = await Promise.all(groups.map(id => this.#groupMembers(id, options)));
    const found = groups.map((group, index) => {
      const answer = answers[index];
      return [group, new Set(answer?.state === 'known' ? answer.value : [])] as const;
    });
    return {
      people: new Set([
        ...ids.filter(id => !isUserGroup(id) && !isChannel(id)),
        ...found.flatMap(([, people]) => [...people]),
      ]),
      groups: new Map(found),
      channels: new Set(ids.filter(isChannel)),
      unanswered: groups.filter((_, index) => answers[index]?.state === 'unanswered'),
    };
  }

  #groupMembers(id: string, options: LookupOptions): Promise<Known<readonly string[]>> {
    return this.#groups.get(id, options, () =>
      ask(
        () => this.#slack.usergroupMembers(id),
        body => usergroupUsers.parse(body).users,
        ['no_such_subteam', 'plan_upgrade_required'],
      ),
    );
  }
}

/** Answers by id. A question under way is shared; no answer is forgotten at once, so that the next one asks again. */
class Remembered<Value> {
  readonly #now: () => number;
  readonly #answers = new Map<string, { readonly askedAt: number; readonly answer: Promise<Known<Value>> }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get(id: string, { fresh = false }: LookupOptions, question: () => Promise<Known<Value>>): Promise<Known<Value>> {
    this.#forgetOld();
    const remembered = this.#answers.get(id);
    if (remembered !== undefined && !fresh) return remembered.answer;
    const entry = { askedAt: this.#now(), answer: question() };
    this.#answers.set(id, entry);
    return entry.answer.then(answer => {
      if (answer.state === 'unanswered' && this.#answers.get(id) === entry) this.#answers.delete(id);
      return answer;
    });
  }

  #forgetOld(): void {
    const oldest = this.#now() - rememberedFor;
    for (const [id, { askedAt }] of this.#answers) if (askedAt <= oldest) this.#answers.delete(id);
  }
}

function sameId<Found extends { readonly id: string }>(asked: string, found: Found): Found {
  if (found.id !== asked) throw new z.ZodError([]);
  return found;
}
