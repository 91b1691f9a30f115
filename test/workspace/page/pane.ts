import { personName, type RenderContext } from '../render/context.ts';
import { listenForClicks } from './clicks.ts';
import { composer, relabel } from './composer.ts';
import { find, make } from './dom.ts';
import { updateMessages } from './message-list.ts';
import { ModalHost } from './modal.ts';
import { peopleChips, updateChips } from './people-chips.ts';
import { act, type State } from './state.ts';
import { tried } from './toast.ts';

/** What a pane shows: one channel, as one person sees it. */
export interface PaneView {
  state: State;
  channel: string;
  as: string;
  /** Whether this pane has the row of people; a second pane of the same person has not. */
  choosesPerson: boolean;
  /** Whether this pane shows the person's modals. */
  showsModals: boolean;
}

/** The channel's name with its sigil; a direct message is with the app. */
export function channelTitle(state: State, id: string): string {
  if (id.startsWith('D')) return state.app?.name ?? 'App';
  return `#${state.channels.find(channel => channel.id === id)?.name ?? id}`;
}

/** One column: title, messages, people, composer. */
export class Pane {
  readonly element: HTMLElement;
  readonly #messages = make('ol', { className: 'messages', tabIndex: 0 });
  readonly #unfolded = new Set<string>();
  readonly #chips: HTMLElement;
  readonly #composer: HTMLFormElement;
  readonly #modals: ModalHost;
  readonly #scope: string;
  #view: PaneView | undefined;

  /**
   * @param scope tells this pane's form fields from the other's
   * @param dialogs what a dialog of this pane covers
   * @param onPerson called with the id of a person who is chosen in this pane
   */
  constructor(scope: string, onPerson: (id: string) => void) {
    this.#scope = scope;
    this.#chips = peopleChips(onPerson);
    this.#composer = composer('Message', text => this.#say(text));
    this.#messages.setAttribute('role', 'log');
    const title = make('header', { className: 'pane-title' }, make('h2'), make('span', { className: 'viewer' }));
    const foot = make('footer', {}, this.#chips, this.#composer);
    this.element = make('section', { className: 'pane' }, title, this.#messages, foot);
    this.#modals = new ModalHost(this.element);
    listenForClicks(this.#messages, () => ({
      as: this.#view?.as ?? '',
      host: this.element,
      context: this.#context(),
    }));
  }

  /** Shows the workspace as it now is. */
  update(view: PaneView): void {
    const moved = this.#view?.channel !== view.channel || this.#view?.as !== view.as;
    this.#view = view;
    const { state, channel, as } = view;
    const context = this.#context();
    const title = channelTitle(state, channel);
    Object.assign(this.element.dataset, { channel, as });
    this.element.setAttribute('aria-label', `${title} as ${personName(as, context)}`);
    find(this.element, 'h2').textContent = title;
    find(this.element, '.viewer').textContent = `seen by ${personName(as, context)}`;
    relabel(this.#composer, `Message ${title} as ${personName(as, context)}`);
    this.#chips.hidden = !view.choosesPerson;
    updateChips(this.#chips, state.people, as);
    this.#showMessages(context);
    if (moved) this.#messages.scrollTop = this.#messages.scrollHeight;
    this.#modals.update(view.showsModals ? state.modals[as] : null, as, context);
  }

  /** Puts the cursor where one types. */
  focus(): void {
    find(this.#composer, 'textarea').focus();
  }

  #showMessages(context: RenderContext): void {
    if (!this.#view) return;
    const { state, channel, as } = this.#view;
    const visible = state.messages.filter(
      message => message.channel === channel && (message.ephemeralFor === undefined || message.ephemeralFor === as),
    );
    updateMessages(this.#messages, visible, {
      context,
      violations: state.violations,
      unfolded: this.#unfolded,
      reply: (thread, text) => this.#say(text, thread),
      refresh: () => this.#showMessages(this.#context()),
    });
  }

  #context(): RenderContext {
    const { people = [], channels = [], app } = this.#view?.state ?? {};
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    return { people, channels, timeZone, now: new Date(), scope: this.#scope, appName: app?.name };
  }

  #say(text: string, thread?: string): Promise<boolean> {
    const { as = '', channel = '' } = this.#view ?? {};
    return tried(act('type', { as, in: channel, text, ...(thread === undefined ? {} : { thread }) }));
  }
}
