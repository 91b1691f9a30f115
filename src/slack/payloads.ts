/** What Slack delivers, as far as it is read. Everything else in an envelope is ignored. */
import { z } from 'zod';

const id = z.string().min(1);

/** What a person typed. Half of a surrogate pair, which JSON can carry, has no UTF-8: the record could not be hashed. */
const words = z.string().transform(text => text.toWellFormed());

/** https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling */
export const slashCommand = z.object({
  text: words.default(''),
  user_id: id,
  user_name: z.string().default(''),
  team_id: id,
  channel_id: id,
  trigger_id: id,
  response_url: z.url().optional(),
});

/** https://docs.slack.dev/reference/events/app_mention and message.im */
export const messageEvent = z.object({
  event_id: id,
  team_id: id,
  event: z.object({
    type: z.enum(['app_mention', 'message']),
    user: id.optional(),
    /** The workspace of the person, in a shared channel another than the envelope's. */
    user_team: id.optional(),
    team: id.optional(),
    text: words.default(''),
    channel: id,
    channel_type: z.string().optional(),
    ts: id,
    thread_ts: id.optional(),
    subtype: z.string().optional(),
    bot_id: z.string().optional(),
  }),
});

const person = z.object({ id, team_id: id.optional(), username: z.string().optional(), name: z.string().optional() });

/** https://docs.slack.dev/reference/interaction-payloads/block_actions-payload */
export const blockActions = z.object({
  user: person,
  team: z.object({ id }).nullish(),
  trigger_id: id,
  response_url: z.url().optional(),
  channel: z.object({ id }),
  message: z.object({ ts: id, thread_ts: id.optional() }),
  actions: z.array(z.object({ action_id: id, action_ts: id, value: z.string().default('') })).min(1),
});

/** https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload */
export const viewSubmission = z.object({
  user: person,
  team: z.object({ id }).nullish(),
  view: z.object({
    id,
    private_metadata: z.string(),
    state: z.object({
      values: z.record(z.string(), z.record(z.string(), z.object({ value: words.nullish() }))),
    }),
  }),
});

/** What a modal carries from its opening to its submission. */
export const modalOrigin = z.object({
  request: z.string(),
  channel: id,
  ts: id,
  thread: id.optional(),
});
