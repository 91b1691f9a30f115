import { z } from 'zod';
import { DEADLINES, RESPONSE_URL_USES } from '../limits.ts';
import { BOT } from '../people.ts';
import type { ResponseTarget } from '../state.ts';
import { blocks, checkMessage, flag, metadata, SlackError, type Surroundings } from './method.ts';

const response = z.object({
  text: z.string().optional(),
  blocks: blocks.optional(),
  response_type: z.enum(['ephemeral', 'in_channel']).default('ephemeral'),
  replace_original: flag.default(false),
  delete_original: flag.default(false),
  thread_ts: z.string().optional(),
  metadata: metadata.optional(),
  unfurl_links: flag.optional(),
  unfurl_media: flag.optional(),
});

/**
 * Takes what an app sends to a response_url: an ephemeral message unless it asks otherwise.
 * @throws SlackError with used_url or expired_url after five uses or thirty minutes.
 */
export function respond(id: string, body: unknown, surroundings: Surroundings): void {
  const { state } = surroundings;
  const target = state.responseUrls.get(id);
  if (!target) throw new SlackError('invalid_url');
  if (target.uses >= RESPONSE_URL_USES) {
    state.violate('used_url', `a response_url was used more than ${RESPONSE_URL_USES} times`);
    throw new SlackError('used_url');
  }
  if (state.now() - target.issuedAt > DEADLINES.responseUrl) {
    state.violate('expired_url', 'a response_url was used after 30 minutes');
    throw new SlackError('expired_url');
  }
  target.uses += 1;
  postResponse(target, body, surroundings);
}

/** Shows what an app answered to a person, by response_url or within an acknowledgement. */
export function postResponse(target: ResponseTarget, body: unknown, surroundings: Surroundings): void {
  const { state } = surroundings;
  const parsed = response.safeParse(body);
  if (!parsed.success) {
    state.violate('invalid_payload', z.prettifyError(parsed.error));
    throw new SlackError('invalid_payload', [z.prettifyError(parsed.error)]);
  }
  const answer = parsed.data;
  if (answer.delete_original && target.original) {
    target.original.deleted = true;
    state.changed();
    return;
  }
  checkMessage(answer, surroundings);
  const shown = { text: answer.text ?? '', blocks: answer.blocks && state.withIds(answer.blocks) };
  if (answer.replace_original && target.original) {
    Object.assign(target.original, shown, { edited: { user: BOT.userId, ts: state.nextTs() } });
    state.changed();
    return;
  }
  const { thread_ts, unfurl_links, unfurl_media } = answer;
  const ephemeralFor = answer.response_type === 'ephemeral' ? target.user : undefined;
  state.postAsBot({
    channel: target.channel,
    ...shown,
    thread_ts,
    metadata: answer.metadata,
    unfurl_links,
    unfurl_media,
    ephemeralFor,
  });
}
