import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import type { ChannelHistory, HistoryPage, ShownMessage } from '../audit/channel-history.ts';
import { UserError } from '../errors.ts';
import { auditEventType, shownEvents, wordsDigest } from './audit-words.ts';
import { failureOf, persist, type Sleep } from './failure.ts';

/** https://docs.slack.dev/reference/methods/conversations.history */
const answer = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      user: z.string().optional(),
      text: z.string().default(''),
      blocks: z.array(z.unknown()).optional(),
      edited: z.looseObject({}).optional(),
      reply_count: z.number().default(0),
      metadata: z.object({ event_type: z.string(), event_payload: z.looseObject({}) }).optional(),
    }),
  ),
  /** The workspace's plan hides older messages. */
  is_limited: z.boolean().default(false),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});
type Answer = z.output<typeof answer>;

const payload = z.object({ hashes: z.string().default(''), words: z.string().optional() });

/** Slack allows about 50 calls a minute (tier 3, https://docs.slack.dev/apis/web-api/rate-limits): three minutes' worth. */
const mostCalls = 150;

/** The audit channel's past, through the Web API. */
export class SlackAuditHistory implements ChannelHistory {
  readonly #client: WebClient;
  readonly #channel: string;
  readonly #botUser: string;
  readonly #sleep: Sleep;
  readonly #mostCalls: number;

  /** @param options.mostCalls Web API calls that one look may take. */
  constructor(
    client: WebClient,
    options: { readonly channel: string; readonly botUser: string; readonly sleep: Sleep; readonly mostCalls?: number },
  ) {
    this.#client = client;
    this.#channel = options.channel;
    this.#botUser = options.botUser;
    this.#sleep = options.sleep;
    this.#mostCalls = options.mostCalls ?? mostCalls;
  }

  async *pages(since: number, signal: AbortSignal): AsyncGenerator<HistoryPage> {
    const oldest = String(since / 1_000);
    let calls = 0;
    let cursor: string | undefined;
    do {
      signal.throwIfAborted();
      const page = await this.#ask(cursor, oldest);
      calls += 1;
      const messages: ShownMessage[] = [];
      for (const message of page.messages) {
        if (calls >= this.#mostCalls) {
          yield { messages, reached: after(message.ts), stopped: 'Slack allows only so many questions at a time' };
          return;
        }
        messages.push(this.#shown(message));
        if (message.reply_count === 0) continue;
        const replies = await this.#replies(message.ts, signal);
        calls += replies.calls;
        messages.push(...replies.messages);
      }
      cursor = page.response_metadata?.next_cursor || undefined;
      const end = page.messages.at(-1);
      if (page.is_limited && cursor === undefined && end) {
        yield { messages, reached: after(end.ts), stopped: 'the workspace’s plan hides older messages' };
        return;
      }
      yield { messages, reached: cursor === undefined || !end ? since : Number(end.ts) * 1_000 };
    } while (cursor !== undefined);
  }

  async #replies(ts: string, signal: AbortSignal): Promise<{ calls: number; messages: ShownMessage[] }> {
    const messages: ShownMessage[] = [];
    let calls = 0;
    let cursor: string | undefined;
    do {
      signal.throwIfAborted();
      const page = await this.#ask(cursor, undefined, ts);
      calls += 1;
      messages.push(...page.messages.filter(message => message.ts !== ts).map(message => this.#shown(message)));
      cursor = page.response_metadata?.next_cursor || undefined;
    } while (cursor !== undefined);
    return { calls, messages };
  }

  async #ask(cursor: string | undefined, oldest: string | undefined, thread?: string): Promise<Answer> {
    const options = {
      channel: this.#channel,
      limit: 200,
      include_all_metadata: true,
      ...(oldest !== undefined && { oldest }),
      ...(cursor !== undefined && { cursor }),
    };
    try {
      const given = await persist(
        () =>
          thread === undefined
            ? this.#client.conversations.history(options)
            : this.#client.conversations.replies({ ...options, ts: thread }),
        this.#sleep,
        10,
      );
      return answer.parse(given);
    } catch (cause) {
      const failure = failureOf(cause);
      const why = failure?.is === 'refused' ? `${failure.code} ${failure.details}`.trim() : failure?.is;
      throw new UserError(
        `Slack did not give the audit channel’s messages (${why ?? 'an answer that makes no sense'}), so the record could not be compared with them.`,
        {
          hint: '`npm run audit -- verify` where the bot runs looks at the store alone.',
          cause,
        },
      );
    }
  }

  #shown(message: Answer['messages'][number]): ShownMessage {
    const marked =
      message.metadata?.event_type === auditEventType ? payload.safeParse(message.metadata.event_payload) : undefined;
    const { hashes = '', words } = marked?.data ?? {};
    const blocks = message.blocks ?? [];
    const own = message.user === this.#botUser;
    return {
      ts: message.ts,
      own,
      hashes: hashes.split(' ').filter(hash => hash !== ''),
      shown: shownEvents(blocks.length > 0 ? blocks : [{ text: message.text }], { last: own }),
      edited: message.edited !== undefined || (words !== undefined && words !== wordsDigest(blocks)),
    };
  }
}

/** Just after a message, which itself was not looked at, or may have neighbours that nobody can see. */
function after(ts: string): number {
  return Number(ts) * 1_000 + 1;
}
