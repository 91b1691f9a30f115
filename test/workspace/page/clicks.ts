import type { Confirm } from '@slack/types';
import type { RenderContext } from '../render/context.ts';
import { confirmed } from './confirm.ts';
import { fieldValue } from './fields.ts';
import { act } from './state.ts';
import { tried } from './toast.ts';

/** Who clicks, and where a confirmation is asked. */
export interface Clicker {
  as: string;
  host: HTMLElement;
  context: RenderContext;
}

async function send(element: HTMLElement, { as, host, context }: Clicker): Promise<void> {
  const { confirm, blockId = '', actionId = '', value, selected } = element.dataset;
  const chosen = element.matches('button, a') ? selected : fieldValue(element);
  const { channel, ts } = element.closest<HTMLElement>('[data-ts]')?.dataset ?? {};
  if (confirm && !(await confirmed(JSON.parse(confirm) as Confirm, host, context))) return;
  const place = ts === undefined ? { view: 'modal' as const } : { channel, ts };
  element.toggleAttribute('data-busy', true);
  await tried(act('click', { as, ...place, block_id: blockId, action_id: actionId, value, selected: chosen }));
  element.removeAttribute('data-busy');
  element.closest('details.overflow')?.removeAttribute('open');
}

/** Turns clicks and choices inside messages or a modal into what Slack would send; an input of a form waits for its submission. */
export function listenForClicks(list: HTMLElement, clicker: () => Clicker): void {
  list.addEventListener('click', event => {
    const element = (event.target as Element).closest<HTMLElement>('button[data-action-id], a[data-action-id]');
    if (element) void send(element, clicker());
  });
  list.addEventListener('change', event => {
    const element = (event.target as Element).closest<HTMLElement>('.block:not(.input) [data-action-id]');
    if (element) void send(element, clicker());
  });
}
