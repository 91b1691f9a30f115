import { z } from 'zod';
import { SlackError, type Surroundings } from './api/method.ts';
import { checkedView } from './api/views.ts';
import { closeModal, pushModal, replaceModal } from './modals.ts';
import type { View } from './types.ts';

/** What an app may acknowledge a submission with (https://docs.slack.dev/surfaces/modals#response_actions). */
const answer = z.discriminatedUnion('response_action', [
  z.object({ response_action: z.literal('clear') }),
  z.object({ response_action: z.literal('errors'), errors: z.record(z.string(), z.string()) }),
  z.object({ response_action: z.literal('update'), view: z.unknown() }),
  z.object({ response_action: z.literal('push'), view: z.unknown() }),
]);

/** Does to the modal what the acknowledgement of its submission says; without a response_action it closes. */
export function applySubmission(acknowledgement: unknown, user: string, view: View, surroundings: Surroundings): void {
  const { state } = surroundings;
  if (typeof acknowledgement !== 'object' || !acknowledgement || !('response_action' in acknowledgement)) {
    closeModal(state, user);
    return;
  }
  const parsed = answer.safeParse(acknowledgement);
  if (!parsed.success) {
    state.violate('response_action', z.prettifyError(parsed.error));
    return;
  }
  const { data } = parsed;
  switch (data.response_action) {
    case 'clear':
      closeModal(state, user, true);
      return;
    case 'errors':
      showErrors(data.errors, view, surroundings);
      return;
    case 'update':
    case 'push':
      showNext(data.response_action, data.view, user, view, surroundings);
  }
}

function showErrors(errors: Record<string, string>, view: View, { state }: Surroundings): void {
  const inputs = new Set(view.blocks.filter(each => each.type === 'input').map(each => each.block_id));
  for (const blockId of Object.keys(errors).filter(each => !inputs.has(each)))
    state.violate('response_action', `errors names ${blockId}, which is no input of the view`);
  view.errors = errors;
  state.changed();
}

function showNext(
  action: 'update' | 'push',
  next: unknown,
  user: string,
  view: View,
  surroundings: Surroundings,
): void {
  const { state } = surroundings;
  try {
    const content = checkedView(next, 'modal', surroundings);
    if (action === 'update') replaceModal(state, user, view, content);
    else if (!pushModal(state, user, content)) state.violate('response_action', 'no more views can be pushed');
  } catch (error) {
    if (!(error instanceof SlackError)) throw error;
  }
}
