import type { ModalView } from '@slack/types';
import { section } from './parts.ts';
import { cut, escapeMrkdwn } from './text.ts';

/** What the modal for a denial is named by, and its only input. */
export const denyModal = { callback: 'deny_reason', block: 'reason', action: 'reason' } as const;

/** Opened at once, as Slack gives a click three seconds; the form follows when it is known who may deny. */
export function denyLoading(request: string): ModalView {
  return {
    type: 'modal',
    title: { type: 'plain_text', text: cut(`Deny ${request}`, 24) },
    close: { type: 'plain_text', text: 'Close' },
    blocks: [section('One moment …')],
  };
}

/** Says why the person cannot deny this request. */
export function denyRefused(request: string, why: string): ModalView {
  return { ...denyLoading(request), blocks: [section(escapeMrkdwn(why))] };
}

/**
 * Asks for the reason. `privateMetadata` comes back with the answer.
 * @param own the requester's own Deny, which withdraws the request.
 */
export function denyForm(request: string, privateMetadata: string, own: boolean): ModalView {
  const readers = own ? 'Approvers' : 'The requester';
  return {
    ...denyLoading(request),
    title: { type: 'plain_text', text: cut(`${own ? 'Withdraw' : 'Deny'} ${request}`, 24) },
    callback_id: denyModal.callback,
    private_metadata: privateMetadata,
    submit: { type: 'plain_text', text: own ? 'Withdraw' : 'Deny' },
    blocks: [
      section(`Nothing will be done. ${readers} and the audit channel see your reason.`),
      {
        type: 'input',
        block_id: denyModal.block,
        label: { type: 'plain_text', text: 'Reason' },
        optional: own,
        element: { type: 'plain_text_input', action_id: denyModal.action, multiline: true, max_length: 500 },
      },
    ],
  };
}
