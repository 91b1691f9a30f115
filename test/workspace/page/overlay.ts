import { make } from './dom.ts';

/** A dialog over a part of the page; the rest of that part takes no clicks or keys while it is open. */
export interface Overlay {
  /** The form with the dialog's content. */
  form: HTMLFormElement;
  close(): void;
}

/** Lays a dialog over `host`. Escape calls `onDismiss`; closing gives the focus back to where it was. */
export function openOverlay(host: HTMLElement, kind: string, onDismiss: () => void): Overlay {
  const before = document.activeElement;
  const form = make('form', { className: `dialog ${kind}`, noValidate: true });
  form.setAttribute('role', 'dialog');
  form.setAttribute('aria-modal', 'true');
  const shade = make('div', { className: 'shade' }, form);
  const covered = [...host.children].filter(child => !child.hasAttribute('inert'));
  for (const child of covered) child.setAttribute('inert', '');
  shade.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onDismiss();
  });
  host.append(shade);
  return {
    form,
    close() {
      shade.remove();
      for (const child of covered) child.removeAttribute('inert');
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    },
  };
}
