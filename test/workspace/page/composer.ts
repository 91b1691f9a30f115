import { make } from './dom.ts';

/** How many past lines arrow up reaches. */
const REMEMBERED = 50;

/** A line to type in. Enter sends, Shift+Enter breaks the line, arrow up brings back what was sent before. */
export function composer(label: string, send: (text: string) => Promise<boolean>): HTMLFormElement {
  const input = make('textarea', {
    rows: 1,
    placeholder: label,
    ariaLabel: label,
    spellcheck: false,
    autocomplete: 'off',
  });
  const button = make('button', { type: 'submit', className: 'send', textContent: 'Send' });
  const form = make('form', { className: 'composer' }, input, button);
  const sent: string[] = [];
  let back = 0;
  const recall = (step: number) => {
    back = Math.min(sent.length, Math.max(0, back + step));
    input.value = sent[sent.length - back] ?? '';
    input.setSelectionRange(input.value.length, input.value.length);
  };
  const submit = async () => {
    const text = input.value.trim();
    if (text === '' || input.readOnly) return;
    input.readOnly = true;
    const worked = await send(text);
    input.readOnly = false;
    if (!worked) return;
    if (sent.at(-1) !== text) sent.push(text);
    sent.splice(0, sent.length - REMEMBERED);
    back = 0;
    input.value = '';
  };
  input.addEventListener('keydown', event => {
    const recalled = back > 0 && input.value === sent[sent.length - back];
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void submit();
    } else if (event.key === 'ArrowUp' && (input.value === '' || recalled)) {
      event.preventDefault();
      recall(1);
    } else if (event.key === 'ArrowDown' && recalled) {
      event.preventDefault();
      recall(-1);
    }
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    void submit();
  });
  return form;
}

/** Changes the words in an empty composer. */
export function relabel(form: HTMLFormElement, label: string): void {
  const input = form.querySelector('textarea');
  if (!input) return;
  input.placeholder = label;
  input.ariaLabel = label;
}
