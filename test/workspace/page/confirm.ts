import type { Confirm } from '@slack/types';
import type { RenderContext } from '../render/context.ts';
import { escapeHtml } from '../render/escape.ts';
import { textObjectHtml } from '../render/html-text.ts';
import { find } from './dom.ts';
import { openOverlay } from './overlay.ts';

/** Asks what Slack asks before a click counts. Resolves to the answer. */
export function confirmed(confirm: Confirm, host: HTMLElement, context: RenderContext): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const answer = (yes: boolean) => {
    overlay.close();
    resolve(yes);
  };
  const overlay = openOverlay(host, 'confirm', () => answer(false));
  const style = confirm.style === 'danger' ? 'danger' : 'primary';
  overlay.form.innerHTML = [
    `<header><h2>${escapeHtml(confirm.title?.text ?? 'Are you sure?')}</h2></header>`,
    `<div class="modal-body">${textObjectHtml(confirm.text, context)}</div>`,
    `<footer><button type="button" class="button" data-deny>${escapeHtml(confirm.deny?.text ?? 'Cancel')}</button>`,
    `<button type="submit" class="button ${style}" data-confirm-yes>${escapeHtml(confirm.confirm?.text ?? 'Yes')}</button></footer>`,
  ].join('');
  overlay.form.addEventListener('submit', event => {
    event.preventDefault();
    answer(true);
  });
  find(overlay.form, '[data-deny]').addEventListener('click', () => answer(false));
  find(overlay.form, '[data-confirm-yes]').focus();
  return promise;
}
