import type { AuditChannel, AuditPost, PostResult } from '../../src/audit/channel.ts';

/** What the channel does with the next post. `lost answer`: it is posted, and nobody is told. */
export type Behaviour = 'post' | 'lost answer' | 'server error' | { later: number } | { refuse: string };

/** The audit channel as Slack's edge shows it: posts, loses answers, asks for pauses, is archived. */
export class ChannelOfTest implements AuditChannel {
  readonly name = '<#CAUDIT>';
  readonly posts: (AuditPost & { readonly ts: string })[] = [];
  /** How often a post was tried. */
  tries = 0;
  searches: { id: string; thread: string | undefined; since: number }[] = [];
  /** Whether a look at the channel's history is answered. */
  searchable = true;
  /** What comes next; when it is empty, everything is posted. */
  readonly #queue: Behaviour[] = [];
  /** What happens whenever nothing else is next. */
  usually: Behaviour = 'post';

  next(...behaviours: Behaviour[]): this {
    this.#queue.push(...behaviours);
    return this;
  }

  async post(post: AuditPost): Promise<PostResult> {
    this.tries += 1;
    await Promise.resolve();
    const behaviour = this.#queue.shift() ?? this.usually;
    if (behaviour === 'server error') return { is: 'unknown', why: 'HTTP 500' };
    if (typeof behaviour === 'object') {
      return 'later' in behaviour
        ? { is: 'later', seconds: behaviour.later }
        : { is: 'refused', why: behaviour.refuse };
    }
    const ts = `${this.posts.length + 1}.0`;
    this.posts.push({ ...post, ts });
    return behaviour === 'post' ? { is: 'posted', ts } : { is: 'unknown', why: 'socket hang up' };
  }

  async find(id: string, thread: string | undefined, since: number) {
    this.searches.push({ id, thread, since });
    await Promise.resolve();
    if (!this.searchable) return { unknown: 'HTTP 503' };
    return { ts: this.posts.find(post => post.id === id)?.ts };
  }

  /** Hashes of all events posted, in order. */
  get hashes(): string[] {
    return this.posts.flatMap(post => post.hashes);
  }
}
