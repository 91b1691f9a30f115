/** A new element from a tag, its properties and its children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> & { dataset?: Record<string, string> } = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/** The one element that a selector finds; its absence is a mistake in the page. */
export function find<Found extends HTMLElement>(root: ParentNode, selector: string): Found {
  const found = root.querySelector<Found>(selector);
  if (!found) throw new Error(`no ${selector} on the page`);
  return found;
}

const shown = new WeakMap<Element, string>();

/** Gives an element new HTML, and only if it differs from what it has, so that a half-made choice or an open menu survives. */
export function setHtml(element: Element, html: string): boolean {
  if (shown.get(element) === html) return false;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const action = focused?.getAttribute('data-action-id');
  shown.set(element, html);
  element.innerHTML = html;
  if (action) element.querySelector<HTMLElement>(`[data-action-id="${CSS.escape(action)}"]`)?.focus();
  return true;
}

/** One line of a list that is kept by key. */
export interface Keyed {
  key: string;
  update: (element: HTMLLIElement) => void;
}

/** Makes a list's children match its items: known ones are updated in place, new ones made, others removed. */
export function syncList(list: HTMLElement, items: readonly Keyed[]): void {
  const known = new Map([...list.children].map(child => [(child as HTMLElement).dataset.key, child as HTMLLIElement]));
  items.forEach(({ key, update }, index) => {
    const element = known.get(key) ?? make('li', { dataset: { key } });
    known.delete(key);
    update(element);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  for (const gone of known.values()) gone.remove();
}
