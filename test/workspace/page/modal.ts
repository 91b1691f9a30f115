import type { RenderContext } from '../render/context.ts';
import { viewToHtml } from '../render/view.ts';
import { listenForClicks } from './clicks.ts';
import { find } from './dom.ts';
import { restoreAll, valuesOf } from './fields.ts';
import { type Overlay, openOverlay } from './overlay.ts';
import { act, type ModalView } from './state.ts';
import { tried } from './toast.ts';

/** The modal of one person over one part of the page; follows what the app does with it. */
export class ModalHost {
  readonly #host: HTMLElement;
  #overlay: Overlay | undefined;
  #shown = '';
  #as = '';
  #context: RenderContext = { people: [], timeZone: 'UTC' };

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  /** Shows the person's view, changes it in place, or takes it away. */
  update(view: ModalView | null | undefined, as: string, context: RenderContext): void {
    if (!view || as !== this.#as) this.#close();
    if (!view) return;
    this.#as = as;
    this.#context = context;
    this.#overlay ??= this.#open();
    const { form } = this.#overlay;
    const html = viewToHtml(view, context);
    if (html !== this.#shown) {
      const sameView = form.dataset.view === (view.id ?? '');
      const typed = sameView ? valuesOf(form) : {};
      form.dataset.view = view.id ?? '';
      this.#shown = html;
      form.innerHTML = html;
      restoreAll(form, typed);
      const first = form.querySelector<HTMLElement>('.modal-body :is(input, textarea, select)');
      (first ?? find(form, 'footer button:last-child')).focus();
    }
    showErrors(form, view.errors ?? {});
  }

  #open(): Overlay {
    const dismiss = () => void tried(act('close', { as: this.#as }));
    const overlay = openOverlay(this.#host, 'modal', dismiss);
    overlay.form.dataset.as = this.#as;
    overlay.form.addEventListener('click', event => {
      if ((event.target as Element).closest('[data-close]')) dismiss();
    });
    listenForClicks(overlay.form, () => ({ as: this.#as, host: this.#host, context: this.#context }));
    overlay.form.addEventListener('submit', event => {
      event.preventDefault();
      void this.#submit(overlay.form);
    });
    return overlay;
  }

  async #submit(form: HTMLFormElement): Promise<void> {
    const button = find<HTMLButtonElement>(form, 'button[type=submit]');
    button.disabled = true;
    await tried(act('submit', { as: this.#as, values: valuesOf(form) }));
    button.disabled = false;
  }

  #close(): void {
    this.#overlay?.close();
    this.#overlay = undefined;
    this.#shown = '';
  }
}

function showErrors(form: HTMLFormElement, errors: Readonly<Record<string, string>>): void {
  for (const block of form.querySelectorAll<HTMLElement>('[data-block]')) {
    const line = block.querySelector<HTMLElement>('.field-error');
    if (!line) continue;
    const error = errors[block.dataset.block ?? ''];
    line.textContent = error ?? '';
    line.hidden = error === undefined;
    block.classList.toggle('invalid', error !== undefined);
  }
}
