import { viewObject } from './modals.ts';
import { BOT, type Person, TEAM } from './people.ts';
import type { State } from './state.ts';
import type { Channel, Message, View } from './types.ts';

/** Slack's deprecated verification token; present in every payload, worth nothing. */
const VERIFICATION_TOKEN = 'deprecated';

const team = { id: TEAM.id, domain: TEAM.domain };
const installation = { api_app_id: BOT.appId, token: VERIFICATION_TOKEN, is_enterprise_install: false };

function channelName(channel: Channel): string {
  if (channel.kind === 'im') return 'directmessage';
  return channel.kind === 'private' ? 'privategroup' : channel.name;
}

function userOf({ id, name, teamId }: Person) {
  return { id, username: name, name, team_id: teamId };
}

/** A slash_commands payload (https://docs.slack.dev/interactivity/implementing-slash-commands). */
export function commandPayload(
  person: Person,
  channel: Channel,
  typed: { command: string; text: string; trigger_id: string; response_url: string },
): Record<string, unknown> {
  return {
    token: VERIFICATION_TOKEN,
    team_id: person.teamId,
    team_domain: TEAM.domain,
    channel_id: channel.id,
    channel_name: channelName(channel),
    user_id: person.id,
    user_name: person.name,
    api_app_id: BOT.appId,
    is_enterprise_install: 'false',
    ...typed,
  };
}

/** An events_api payload around an event (https://docs.slack.dev/apis/events-api). */
export function eventPayload(state: State, event: Record<string, unknown>): Record<string, unknown> {
  return {
    token: VERIFICATION_TOKEN,
    team_id: TEAM.id,
    api_app_id: BOT.appId,
    type: 'event_callback',
    event_id: state.nextId('Ev'),
    event_time: Math.floor(state.now() / 1000),
    is_ext_shared_channel: false,
    authorizations: [
      { enterprise_id: null, team_id: TEAM.id, user_id: BOT.userId, is_bot: true, is_enterprise_install: false },
    ],
    event,
  };
}

/** The event of a message that mentions the bot, or that is written to it directly. */
export function messageEvent(person: Person, channel: Channel, message: Message): Record<string, unknown> {
  const said = {
    user: person.id,
    team: person.teamId,
    text: message.text,
    ts: message.ts,
    event_ts: message.ts,
    channel: channel.id,
    ...(message.thread_ts ? { thread_ts: message.thread_ts } : {}),
  };
  return channel.kind === 'im' ? { type: 'message', channel_type: 'im', ...said } : { type: 'app_mention', ...said };
}

/** A block_actions payload (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload). */
export function actionsPayload(
  person: Person,
  source: { message: Message; channel: Channel; response_url: string; shown: Record<string, unknown> } | { view: View },
  action: Record<string, unknown>,
  trigger_id: string,
): Record<string, unknown> {
  const common = { type: 'block_actions', user: userOf(person), team, enterprise: null, ...installation, trigger_id };
  if ('view' in source) {
    const view = viewObject(source.view);
    return { ...common, container: { type: 'view', view_id: view.id }, view, actions: [action] };
  }
  const { message, channel, response_url, shown } = source;
  const is_ephemeral = message.ephemeralFor !== undefined;
  const thread = message.thread_ts ? { thread_ts: message.thread_ts } : {};
  return {
    ...common,
    container: { type: 'message', message_ts: message.ts, channel_id: channel.id, is_ephemeral, ...thread },
    channel: { id: channel.id, name: channelName(channel) },
    ...(is_ephemeral ? {} : { message: shown }),
    state: { values: {} },
    response_url,
    actions: [action],
  };
}

/** A view_submission or view_closed payload (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload). */
export function viewPayload(
  type: 'view_submission' | 'view_closed',
  person: Person,
  view: View,
  trigger_id?: string,
): Record<string, unknown> {
  const extra = type === 'view_submission' ? { trigger_id, response_urls: [] } : { is_cleared: false };
  return { type, user: userOf(person), team, enterprise: null, ...installation, view: viewObject(view), ...extra };
}
