import type { Person } from '../render/context.ts';
import { escapeHtml } from '../render/escape.ts';
import { make, setHtml } from './dom.ts';
import { avatarHtml } from './message-html.ts';

/** A row of people, one of whom one acts as. Arrow keys move between them. */
export function peopleChips(choose: (id: string) => void): HTMLElement {
  const row = make('div', { className: 'chips' });
  row.setAttribute('role', 'radiogroup');
  row.setAttribute('aria-label', 'Act as');
  row.addEventListener('click', event => {
    const id = (event.target as Element).closest<HTMLElement>('[data-as]')?.dataset.as;
    if (id) choose(id);
  });
  row.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const chips = [...row.querySelectorAll<HTMLElement>('[data-as]')];
    const now = chips.findIndex(chip => chip.ariaChecked === 'true');
    const next = chips.at((now + step) % chips.length)?.dataset.as;
    if (!next) return;
    choose(next);
    row.querySelector<HTMLElement>(`[data-as="${CSS.escape(next)}"]`)?.focus();
  });
  return row;
}

function chipHtml({ id, name, realName, badge }: Person, as: string): string {
  const checked = id === as;
  return `<button type="button" role="radio" class="chip" data-as="${escapeHtml(id)}" title="${escapeHtml(realName ?? name)}" aria-checked="${checked}" tabindex="${checked ? 0 : -1}">${avatarHtml(id, name)}<span>${escapeHtml(name)}</span>${badge ? `<small>${escapeHtml(badge)}</small>` : ''}</button>`;
}

/** Shows who can be acted as, and who is. */
export function updateChips(row: HTMLElement, people: readonly Person[], as: string): void {
  const chips = people.map(person => chipHtml(person, as)).join('');
  setHtml(row, `<span class="acting">Acting as</span>${chips}`);
}
