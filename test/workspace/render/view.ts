import type { AnyBlock, TextObject } from '@slack/types';
import type { RenderContext } from './context.ts';
import { escapeHtml } from './escape.ts';
import { blocksToHtml } from './html.ts';
import { textObjectHtml } from './html-text.ts';
import { blocksToText } from './text.ts';
import { textObjectText } from './text-elements.ts';
import { displayWidth } from './text-layout.ts';
import { type TextContext, wordsText } from './text-rich.ts';

/** A modal or an App Home, as far as it is shown. */
export interface ViewContent {
  type: string;
  title?: TextObject;
  submit?: TextObject;
  close?: TextObject;
  blocks: readonly AnyBlock[];
  /** What the app said against the last submission, by block_id. */
  errors?: Readonly<Record<string, string>>;
}

function closeLabel({ close, submit }: ViewContent): string {
  return close?.text ?? (submit ? 'Cancel' : 'Close');
}

/** A view's inside: title, blocks, and the buttons to submit or close it. */
export function viewToHtml(view: ViewContent, context: RenderContext): string {
  const submit = view.submit
    ? `<button type="submit" class="button primary">${textObjectHtml(view.submit, context)}</button>`
    : '';
  return [
    `<header><h2>${textObjectHtml(view.title, context)}</h2><button type="button" class="dismiss" data-close aria-label="Dismiss">✕</button></header>`,
    `<div class="modal-body">${blocksToHtml(view.blocks, context)}</div>`,
    `<footer><button type="button" class="button" data-close>${escapeHtml(closeLabel(view))}</button>${submit}</footer>`,
  ].join('');
}

/** A view as plain text: title, blocks with what is wrong about the input below each, and its buttons. */
export function viewToText(view: ViewContent, context: TextContext): string {
  const title = textObjectText(view.title, context);
  const rule = '─'.repeat(Math.max(2, context.width - displayWidth(title) - 4));
  const errors = Object.values(view.errors ?? {}).map(error => `! ${wordsText(error)}`);
  const buttons = [closeLabel(view), ...(view.submit ? [view.submit.text] : [])].map(text => `[ ${wordsText(text)} ]`);
  return [`── ${title} ${rule}`, blocksToText(view.blocks, context), ...errors, '', buttons.join(' ')].join('\n');
}
