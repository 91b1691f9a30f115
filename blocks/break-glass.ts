import type { ModalView } from '@slack/types';
import { section } from './parts.ts';
import { code, cut, escapeMrkdwn } from './text.ts';

/** What the modal for running something alone is named by, and its two inputs. */
export const breakGlassModal = { callback: 'break_glass', id: 'typed_id', reason: 'reason', action: 'text' } as const;

/** Opened at once, as Slack gives a click three seconds; the form follows when it is known who may. */
export function breakGlassLoading(request: string): ModalView {
  return {
    type: 'modal',
    title: { type: 'plain_text', text: cut(`Break glass ${request}`, 24) },
    close: { type: 'plain_text', text: 'Go back' },
    blocks: [section('One moment …')],
  };
}

/** Says why the person cannot run this request alone. */
export function breakGlassRefused(request: string, why: string): ModalView {
  return { ...breakGlassLoading(request), blocks: [section(escapeMrkdwn(why))] };
}

/**
 * Asks for the id and the reason.
 * @param summary what would be done, one line.
 * @param privateMetadata comes back with the answer.
 * @param shortestReason in characters.
 */
export function breakGlassForm(
  request: string,
  summary: string,
  privateMetadata: string,
  shortestReason: number,
): ModalView {
  return {
    ...breakGlassLoading(request),
    callback_id: breakGlassModal.callback,
    private_metadata: privateMetadata,
    submit: { type: 'plain_text', text: 'Run it alone' },
    blocks: [
      section(
        `:rotating_light: *This runs at once, without a second person:* ${escapeMrkdwn(cut(summary, 500))}\nEvery approver is told, with your name and reason, and the audit channel keeps both.`,
      ),
      {
        type: 'input',
        block_id: breakGlassModal.id,
        label: { type: 'plain_text', text: 'Type the id of the request' },
        hint: { type: 'plain_text', text: `It is ${cut(request, 30)}.` },
        element: { type: 'plain_text_input', action_id: breakGlassModal.action, max_length: 30 },
      },
      {
        type: 'input',
        block_id: breakGlassModal.reason,
        label: { type: 'plain_text', text: 'Why it cannot wait' },
        hint: { type: 'plain_text', text: `At least ${shortestReason} characters.` },
        element: {
          type: 'plain_text_input',
          action_id: breakGlassModal.action,
          multiline: true,
          min_length: shortestReason,
          max_length: 500,
        },
      },
    ],
  };
}

/** What every approver reads, in a direct message. */
export function breakGlassAlarm(broken: {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  readonly typed: string;
  readonly target: string;
  readonly summary: string;
  readonly channel: string;
}) {
  const summary = escapeMrkdwn(cut(broken.summary, 300));
  return {
    text: `BREAK-GLASS: ${broken.id} was run without a second person: ${summary}`,
    blocks: [
      section(
        [
          `:rotating_light: *BREAK-GLASS: ${broken.id} was run without a second person*`,
          `<@${broken.by}> ran ${code(`/db ${broken.typed}`)} on ${code(broken.target)}: ${summary}`,
          `*Why:* “${escapeMrkdwn(cut(broken.reason.replace(/\s+/g, ' '), 500))}”`,
          `How it ended: ${code(`/db audit --action ${broken.id}`)}. The request is in <#${broken.channel}>. You are told because you approve for this target.`,
        ].join('\n'),
      ),
    ],
  };
}
