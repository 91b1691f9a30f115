import type { KnownBlock, SectionBlock } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { limits } from '../../blocks/limits.ts';
import { section } from '../../blocks/parts.ts';
import { cut } from '../../blocks/text.ts';
import type { AuditChannel, AuditPost, PostResult } from '../audit/channel.ts';
import { auditEventType, wordsDigest } from './audit-words.ts';
import type { Clients } from './clients.ts';
import { failureOf, refusesBlocks } from './failure.ts';

const history = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      metadata: z.object({ event_type: z.string(), event_payload: z.looseObject({}) }).optional(),
    }),
  ),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

/** Messages to look through for one of ours, at most: pages of a hundred. */
const mostPages = 10;

/** Clocks differ, and a message takes its time: it is looked for from a little before it was sent to a little after. Seconds. */
const clockSkew = 120;

/** The audit channel in Slack, through a client of its own. */
export class SlackAuditChannel implements AuditChannel {
  readonly #client: WebClient;
  readonly #gate: Clients['auditGate'];
  readonly #channel: string;

  constructor({ audit, auditGate }: Pick<Clients, 'audit' | 'auditGate'>, channel: string) {
    this.#client = audit;
    this.#gate = auditGate;
    this.#channel = channel;
  }

  get name(): string {
    return `<#${this.#channel}>`;
  }

  async post(post: AuditPost): Promise<PostResult> {
    this.#gate.mayGo = post.mayGo;
    try {
      return await this.#postSomehow(post);
    } finally {
      this.#gate.mayGo = () => true;
    }
  }

  async #postSomehow(post: AuditPost): Promise<PostResult> {
    const result = await this.#post(post, post.thread);
    // The action's first message was deleted by somebody: what follows stands by itself rather than nowhere.
    if (result.is === 'refused' && result.why === 'thread_not_found') return this.#post(post, undefined);
    // Blocks that Slack refuses must not hold up the record: the same words without them, and the hashes.
    if (result.is === 'refused' && refusesBlocks(result.why)) {
      const blocks = [section(post.view.text), ...asSections(post.view.blocks.slice(-1))];
      return this.#post({ ...post, view: { ...post.view, blocks } }, post.thread);
    }
    return result;
  }

  async find(
    id: string,
    thread: string | undefined,
    since: number,
  ): Promise<{ ts: string | undefined } | { unknown: string }> {
    const oldest = String(Math.floor(since / 1000) - clockSkew);
    const latest = String(Math.floor(since / 1000) + clockSkew);
    try {
      return {
        ts:
          (await this.#search(id, { oldest, latest }, thread)) ??
          (thread && (await this.#search(id, { oldest, latest }, undefined))),
      };
    } catch (error) {
      const failure = failureOf(error);
      if (failure?.is === 'refused' && failure.code === 'thread_not_found') return { ts: undefined };
      return { unknown: failure ? JSON.stringify(failure) : String(error) };
    }
  }

  async #search(
    id: string,
    when: { oldest: string; latest: string },
    thread: string | undefined,
  ): Promise<string | undefined> {
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page += 1) {
      const options = {
        channel: this.#channel,
        ...when,
        limit: 100,
        include_all_metadata: true,
        ...(cursor && { cursor }),
      };
      const answer = history.parse(
        thread === undefined
          ? await this.#client.conversations.history(options)
          : await this.#client.conversations.replies({ ...options, ts: thread }),
      );
      const found = answer.messages.find(
        message => message.metadata?.event_type === auditEventType && message.metadata.event_payload.post === id,
      );
      if (found) return found.ts;
      cursor = answer.response_metadata?.next_cursor || undefined;
      if (cursor === undefined) return undefined;
    }
    throw new Error(`more than ${mostPages * 100} messages since the post, cannot tell`);
  }

  async #post(post: AuditPost, thread: string | undefined): Promise<PostResult> {
    try {
      const message = await this.#client.chat.postMessage({
        channel: this.#channel,
        text: cut(post.view.text, limits.messageText),
        blocks: [...post.view.blocks],
        ...(thread !== undefined && { thread_ts: thread }),
        metadata: {
          event_type: auditEventType,
          event_payload: { post: post.id, hashes: post.hashes.join(' '), words: wordsDigest(post.view.blocks) },
        },
        unfurl_links: false,
        unfurl_media: false,
      });
      return message.ts === undefined
        ? { is: 'unknown', why: 'no ts in the answer' }
        : { is: 'posted', ts: message.ts };
    } catch (error) {
      const failure = failureOf(error);
      switch (failure?.is) {
        case 'refused':
          return { is: 'refused', why: failure.details ? `${failure.code}: ${failure.details}` : failure.code };
        case 'rate limited':
          return { is: 'later', seconds: failure.seconds };
        case 'unanswered':
          return { is: 'unknown', why: failure.why };
        default:
          return { is: 'unknown', why: String(error) };
      }
    }
  }
}

/** A context's texts as sections, which every workspace takes: the hashes stay readable. */
function asSections(blocks: readonly KnownBlock[]): SectionBlock[] {
  const contexts = blocks.filter(block => block.type === 'context');
  return contexts.flatMap(({ elements }) =>
    elements.flatMap(each => (each.type === 'mrkdwn' ? section(each.text) : [])),
  );
}
