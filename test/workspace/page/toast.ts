import { find, make } from './dom.ts';

/** How long a toast stays, in milliseconds: long enough to read two lines. */
const STAYS = 8000;

/** Says at the bottom of the page that something did not work. */
function toast(problem: unknown): void {
  const text = problem instanceof Error ? problem.message : String(problem);
  const element = make('div', { className: 'toast' }, make('span', {}, text));
  const dismiss = make('button', { type: 'button', textContent: '✕', ariaLabel: 'Dismiss' });
  dismiss.addEventListener('click', () => element.remove());
  element.append(dismiss);
  find(document, '#toasts').append(element);
  setTimeout(() => element.remove(), STAYS);
}

/** Runs what a person asked for; a refusal becomes a toast. Resolves to whether it worked. */
export async function tried(doing: Promise<void>): Promise<boolean> {
  try {
    await doing;
    return true;
  } catch (error) {
    toast(error);
    return false;
  }
}
