/** From Slack's envelopes to the life of an action, and nothing else: no rule lives here. */
import type { App } from '@slack/bolt';
import type { ModalView } from '@slack/types';
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { breakGlassForm, breakGlassLoading, breakGlassModal, breakGlassRefused } from '../../blocks/break-glass.ts';
import { denyForm, denyLoading, denyModal, denyRefused } from '../../blocks/deny.ts';
import type { Actions } from '../actions/actions.ts';
import { wrongWith } from '../actions/break-glass.ts';
import type { Place } from '../actions/context.ts';
import type { Deciding } from '../actions/decide.ts';
import { blockActions, messageEvent, modalOrigin, slashCommand, viewSubmission } from './payloads.ts';

export interface RouteOptions {
  readonly actions: Actions;
  /** For modals, which must open within three seconds. */
  readonly client: WebClient;
  readonly botUser: string;
  readonly log: Logger;
}

type Click = z.output<typeof blockActions>;

/** Every envelope is acknowledged first: Slack waits three seconds, and says "not responding" after them. */
export function route(app: App, options: RouteOptions): void {
  const { actions, botUser, log } = options;

  app.command(/.*/, async ({ ack, body }) => {
    await ack();
    const command = slashCommand.parse(body);
    await actions.ask({
      origin: `command ${command.trigger_id}`,
      from: { user: command.user_id, team: command.team_id, channel: command.channel_id, name: command.user_name },
      place: {
        channel: command.channel_id,
        ...(command.response_url !== undefined && { responseUrl: command.response_url }),
      },
      line: command.text,
    });
  });

  const onMessage = async (body: unknown) => {
    const { event, event_id, team_id } = messageEvent.parse(body);
    const { user } = event;
    if (user === undefined || user === botUser || event.bot_id !== undefined || event.subtype !== undefined) return;
    if (event.type === 'message' && event.channel_type !== 'im') return;
    await actions.ask({
      origin: `event ${event_id}`,
      from: { user, team: event.user_team ?? event.team ?? team_id, channel: event.channel, name: '' },
      place: { channel: event.channel, ...(event.thread_ts !== undefined && { thread: event.thread_ts }) },
      line: wordsAfterMention(event.text, botUser),
    });
  };
  app.event('app_mention', async ({ body }) => onMessage(body));
  app.event('message', async ({ body }) => onMessage(body));

  const onClick = (verb: string | RegExp, handle: (click: Click) => Promise<void>) =>
    app.action({ type: 'block_actions', action_id: verb }, async ({ ack, body }) => {
      await ack();
      await handle(blockActions.parse(body));
    });
  onClick('approve', click => actions.approve(decidingOf(click)));
  onClick('cancel', click => actions.cancel(decidingOf(click)));
  onClick('withdraw', click => actions.withdraw(decidingOf(click)));
  onClick('again', click => actions.again(decidingOf(click), originOf(click), placeOf(click)));
  onClick('older', click => actions.older(decidingOf(click), originOf(click), placeOf(click)));
  onClick(/^next(_\d+)?$/, click => actions.next(decidingOf(click), originOf(click)));
  onClick('deny', click => openDenial(click, options));
  onClick('break_glass', click => openBreakGlass(click, options));

  app.view(denyModal.callback, async ({ ack, body }) => {
    await ack();
    const submission = viewSubmission.parse(body);
    const reason = inputOf(submission, denyModal.block, denyModal.action) || undefined;
    await actions.deny({ ...decidingIn(submission), ...(reason !== undefined && { reason }) });
  });

  app.view(breakGlassModal.callback, async ({ ack, body }) => {
    const submission = viewSubmission.parse(body);
    const deciding = decidingIn(submission);
    const breaking = {
      typedId: inputOf(submission, breakGlassModal.id, breakGlassModal.action),
      reason: inputOf(submission, breakGlassModal.reason, breakGlassModal.action),
    };
    const wrong = wrongWith(deciding.spokenId, breaking);
    if (wrong) {
      const errors = {
        ...(wrong.typedId !== undefined && { [breakGlassModal.id]: wrong.typedId }),
        ...(wrong.reason !== undefined && { [breakGlassModal.reason]: wrong.reason }),
      };
      await ack({ response_action: 'errors', errors });
      return;
    }
    await ack();
    await actions.breakGlass(deciding, breaking);
  });

  // A button or modal of an older version: acknowledged, so that Slack shows no warning triangle.
  app.action(/^(?!(approve|cancel|withdraw|again|older|next(_\d+)?|deny|break_glass)$)/, async ({ ack }) => ack());
  app.view(new RegExp(`^(?!(${denyModal.callback}|${breakGlassModal.callback})$)`), async ({ ack }) => ack());

  app.error(async error => log.error({ err: error }, 'an envelope could not be handled'));
}

async function openDenial(click: Click, options: RouteOptions): Promise<void> {
  await openModal(click, options, denyLoading, async deciding => {
    const denial = await options.actions.prepareDenial(deciding);
    return denial.is === 'refused'
      ? denyRefused(deciding.spokenId, denial.why)
      : denyForm(deciding.spokenId, modalOriginOf(click), denial.is === 'withdrawal');
  });
}

async function openBreakGlass(click: Click, options: RouteOptions): Promise<void> {
  await openModal(click, options, breakGlassLoading, async deciding => {
    const glass = await options.actions.prepareBreakGlass(deciding);
    return glass.is === 'refused'
      ? breakGlassRefused(deciding.spokenId, glass.why)
      : breakGlassForm(deciding.spokenId, glass.summary, modalOriginOf(click), glass.shortestReason);
  });
}

/** Opens the modal at once, as a trigger is good for three seconds, and fills it when it is known with what. */
async function openModal(
  click: Click,
  { actions, client, log }: RouteOptions,
  loading: (request: string) => ModalView,
  filled: (deciding: Deciding) => Promise<ModalView>,
): Promise<void> {
  const deciding = decidingOf(click);
  try {
    const opened = await client.views.open({ trigger_id: click.trigger_id, view: loading(deciding.spokenId) });
    const view = await filled(deciding);
    if (opened.view?.id !== undefined) await client.views.update({ view_id: opened.view.id, view });
  } catch (error) {
    log.warn({ err: error }, 'a modal could not be opened');
    await actions.tell(deciding, 'Slack did not open the form. Nothing was done; click again.');
  }
}

/** What a modal carries to its submission. */
function modalOriginOf(click: Click): string {
  return JSON.stringify({
    request: decidingOf(click).spokenId,
    channel: click.channel.id,
    ts: click.message.ts,
    ...(click.message.thread_ts !== undefined && { thread: click.message.thread_ts }),
  });
}

function decidingIn({ user, team, view }: z.output<typeof viewSubmission>): Deciding {
  const { request, channel, ts, thread } = modalOrigin.parse(JSON.parse(view.private_metadata));
  return { spokenId: request, from: { ...whois(user, team?.id), channel }, place: { channel, ...thread_(thread, ts) } };
}

function inputOf({ view }: z.output<typeof viewSubmission>, block: string, action: string): string {
  return view.state.values[block]?.[action]?.value?.trim() ?? '';
}

function decidingOf(click: Click): Deciding {
  return {
    spokenId: click.actions[0]?.value ?? '',
    from: { ...whois(click.user, click.team?.id), channel: click.channel.id },
    place: {
      channel: click.channel.id,
      ...thread_(click.message.thread_ts, click.message.ts),
      ...(click.response_url !== undefined && { responseUrl: click.response_url }),
    },
  };
}

/** The message that was clicked, to be edited in place. */
function placeOf(click: Click): Place {
  return { channel: click.channel.id, ts: click.message.ts };
}

function originOf(click: Click): string {
  const [action] = click.actions;
  return `click ${click.channel.id} ${click.message.ts} ${action?.action_id} ${click.user.id} ${action?.action_ts}`;
}

function thread_(thread: string | undefined, ts: string): { thread?: string } {
  return thread !== undefined && thread !== ts ? { thread } : {};
}

function whois(user: Click['user'], team: string | undefined) {
  const from = user.team_id ?? team;
  return { user: user.id, name: user.username ?? user.name ?? '', ...(from !== undefined && { team: from }) };
}

/** `<@UBOT> status`, `@db status` in a direct message or `/db status` in a thread all mean `status`. */
function wordsAfterMention(text: string, botUser: string): string {
  return text
    .replaceAll(new RegExp(`<@${botUser}(\\|[^>]*)?>`, 'g'), ' ')
    .trim()
    .replace(/^\/?db(\s+|$)/i, '');
}
