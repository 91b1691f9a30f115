import type { KnownBlock } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { limits } from '../../blocks/limits.ts';
import { preformatted, section } from '../../blocks/parts.ts';
import { tableText } from '../../blocks/table.ts';
import { cut, unescapeMrkdwn } from '../../blocks/text.ts';
import type { View } from '../../blocks/view.ts';
import { type Place, PlaceClosed, type Stage } from '../actions/context.ts';
import type { AnswerFile } from '../command.ts';
import { failureOf, persist, refusesBlocks, type Sleep } from './failure.ts';

export interface StageOptions {
  readonly client: WebClient;
  /** For files, which are larger than messages. */
  readonly files: WebClient;
  readonly log: Logger;
  readonly sleep: Sleep;
  /** Where a response_url may lead: https://hooks.slack.com, or the origin of another SLACK_API_URL. */
  readonly responseOrigins: ReadonlySet<string>;
}

/** The message is no longer there to be edited, or no longer ours: then it is posted anew. */
const notEditable = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed', 'is_inactive']);

/** The bot is not a member: the envelope's response_url still reaches the conversation. */
const notThere = new Set(['not_in_channel', 'channel_not_found', 'restricted_action', 'missing_scope', 'is_archived']);

/** Shows views in Slack. */
export class SlackStage implements Stage {
  readonly #client: WebClient;
  readonly #files: WebClient;
  readonly #log: Logger;
  readonly #sleep: Sleep;
  readonly #responseOrigins: ReadonlySet<string>;

  constructor(options: StageOptions) {
    this.#client = options.client;
    this.#files = options.files;
    this.#log = options.log;
    this.#sleep = options.sleep;
    this.#responseOrigins = options.responseOrigins;
  }

  async put(place: Place, view: View): Promise<Place> {
    return place.ts === undefined ? this.#post(place, view) : this.#edit(place, place.ts, view);
  }

  async whisper(place: Place, person: string, view: View): Promise<boolean> {
    const ways = [
      () => this.#respond(place, view, 'ephemeral'),
      () => this.#ephemeral(place, person, view),
      () => this.#direct(person, view),
    ];
    for (const way of ways) {
      try {
        if (await way()) return true;
      } catch (error) {
        this.#log.info({ err: error }, 'a way to tell one person failed, trying the next');
      }
    }
    this.#log.warn({ person }, 'a person could not be told');
    return false;
  }

  async direct(person: string, view: View): Promise<boolean> {
    try {
      return await this.#direct(person, view);
    } catch (error) {
      this.#log.warn({ err: error, person }, 'a direct message could not be sent');
      return false;
    }
  }

  /** https://docs.slack.dev/messaging/working-with-files#uploading_files. A file's own client: it may take longer than a message. */
  async attach({ channel, ts, thread }: Place, files: readonly AnswerFile[]): Promise<string | undefined> {
    const below = thread ?? ts;
    if (below === undefined)
      return 'The file could not be attached: the bot is not in this channel. /invite it and ask again.';
    try {
      await this.#files.filesUploadV2({
        channel_id: channel,
        thread_ts: below,
        file_uploads: files.map(uploadOf),
      });
      return undefined;
    } catch (error) {
      this.#log.warn({ err: error }, 'a file could not be attached');
      return whyNotAttached(error);
    }
  }

  async #post(place: Place, view: View): Promise<Place> {
    const { channel, thread } = place;
    try {
      const message = await this.#withPlainer(view, content =>
        this.#client.chat.postMessage({
          channel,
          ...(thread !== undefined && { thread_ts: thread }),
          ...content,
          unfurl_links: false,
          unfurl_media: false,
        }),
      );
      return { ...place, channel: message.channel ?? channel, ...(message.ts !== undefined && { ts: message.ts }) };
    } catch (error) {
      const failure = failureOf(error);
      if (failure?.is !== 'refused' || !notThere.has(failure.code)) throw error;
      if (await this.#respond(place, view, 'in_channel')) return place;
      throw new PlaceClosed(failure.code, { cause: error });
    }
  }

  async #edit(place: Place, ts: string, view: View): Promise<Place> {
    try {
      await this.#withPlainer(view, content => this.#client.chat.update({ channel: place.channel, ts, ...content }));
      return place;
    } catch (error) {
      const failure = failureOf(error);
      // A message with rich text cannot become one without: in the plain form it has some, and its buttons do not stay.
      if (failure?.is === 'refused' && failure.code === 'block_mismatch') {
        const rich = contentOf(asRichText(view));
        await persist(() => this.#client.chat.update({ channel: place.channel, ts, ...rich }), this.#sleep);
        return place;
      }
      if (failure?.is === 'refused' && notThere.has(failure.code))
        throw new PlaceClosed(failure.code, { cause: error });
      if (failure?.is !== 'refused' || !notEditable.has(failure.code)) throw error;
      const { ts: _gone, ...rest } = place;
      return this.#post(rest, view);
    }
  }

  async #ephemeral(place: Place, user: string, view: View): Promise<boolean> {
    const { channel, thread } = place;
    await this.#withPlainer(view, content =>
      this.#client.chat.postEphemeral({
        channel,
        user,
        ...(thread !== undefined && { thread_ts: thread }),
        ...content,
      }),
    );
    return true;
  }

  async #direct(user: string, view: View): Promise<boolean> {
    const opened = await persist(() => this.#client.conversations.open({ users: user }), this.#sleep);
    const channel = opened.channel?.id;
    if (channel === undefined) return false;
    await this.#post({ channel }, view);
    return true;
  }

  /** https://docs.slack.dev/interactivity/handling-user-interaction#message_responses: five times in 30 minutes. */
  async #respond(place: Place, view: View, responseType: 'in_channel' | 'ephemeral'): Promise<boolean> {
    const { responseUrl } = place;
    if (responseUrl === undefined || !this.#responseOrigins.has(new URL(responseUrl).origin)) return false;
    for (const form of [view, ...withPlainTables(view), asSection(view)]) {
      const response = await fetch(responseUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          response_type: responseType,
          replace_original: false,
          ...(place.thread !== undefined && { thread_ts: place.thread }),
          ...contentOf(form),
        }),
        signal: AbortSignal.timeout(10_000),
      });
      await response.arrayBuffer();
      // 400 is about the content: a URL that is used up or expired is 404.
      if (response.status !== 400) return response.ok;
    }
    return false;
  }

  /** Where Slack refuses a block, the same content goes out plainer: tables first, then all of it, the buttons kept. */
  async #withPlainer<T>(view: View, call: (content: Content) => Promise<T>): Promise<T> {
    for (const form of [view, ...withPlainTables(view), asRichText(view)]) {
      try {
        return await persist(() => call(contentOf(form)), this.#sleep);
      } catch (error) {
        const failure = failureOf(error);
        if (failure?.is !== 'refused' || !refusesBlocks(failure.code)) throw error;
        this.#log.warn({ err: error, details: failure.details }, 'Slack refused these blocks; shown as plain text');
      }
    }
    return persist(() => call(contentOf(asSection(view))), this.#sleep);
  }
}

function uploadOf({ name, content, alternative }: AnswerFile) {
  const described = { filename: name, ...(alternative !== undefined && { alt_text: alternative }) };
  return typeof content === 'string' ? { ...described, content } : { ...described, file: Buffer.from(content) };
}

function whyNotAttached(error: unknown): string {
  const failure = failureOf(error);
  if (failure?.is === 'refused' && failure.code === 'missing_scope') {
    return 'The file could not be attached: the Slack app lacks the scope files:write. Add it under "OAuth & Permissions", install the app again, then ask again.';
  }
  const why = failure?.is === 'refused' ? failure.code : 'Slack did not take it';
  return `The file could not be attached (${why}). Ask again in a moment.`;
}

interface Content {
  readonly text: string;
  readonly blocks: KnownBlock[];
}

function contentOf(view: View): Content {
  return { text: cut(view.text, limits.messageText), blocks: [...view.blocks] };
}

/** The view with its table as preformatted text, where it has one. */
function withPlainTables({ text, blocks }: View): View[] {
  if (!blocks.some(block => block.type === 'data_table')) return [];
  const plainer = blocks.map(block => (block.type === 'data_table' ? preformatted(tableText(block)) : block));
  return [{ text, blocks: plainer }];
}

/** The text exactly as it is; a message that has rich text can be edited into this. */
function asRichText(view: View): View {
  return plainly(view, preformatted(unescapeMrkdwn(view.text)));
}

/** The text in the oldest block, which every client knows. */
function asSection(view: View): View {
  return plainly(view, section(view.text));
}

function plainly(view: View, body: KnownBlock): View {
  return { text: view.text, blocks: [body, ...view.blocks.filter(block => block.type === 'actions')] };
}
