import { messageObject } from './api/message-object.ts';
import type { Surroundings } from './api/method.ts';
import { postResponse } from './api/response-url.ts';
import { type Control, chosenValue, controlsOf, type FillIn, filledIn, textOf } from './controls.ts';
import type { Delivery, Exchange } from './delivery.ts';
import { closeModal } from './modals.ts';
import { actionsPayload, commandPayload, eventPayload, messageEvent, viewPayload } from './payloads.ts';
import type { Person } from './people.ts';
import { applySubmission } from './submission.ts';
import type { Channel, Message, View } from './types.ts';
import { arrivingText, mentionsBot } from './typing.ts';

/** Where to find a control: a message, a channel ('#incident', '@ada', an id), the App Home or the open modal. */
export interface Place {
  on?: Message;
  in?: string;
}

export interface ForgedClick extends Place {
  action_id: string;
  value?: string;
  block_id?: string;
}

interface Spot {
  control: Control;
  message?: Message;
  view?: View;
}

export interface ActorOptions {
  person: Person;
  surroundings: Surroundings;
  delivery: Delivery;
  /** The slash commands of the app, such as '/db'. */
  commands: readonly string[];
}

/** A person at their keyboard: everything they do reaches the app as Slack would send it. */
export class Actor {
  readonly id: string;
  readonly name: string;
  readonly #person: Person;
  readonly #surroundings: Surroundings;
  readonly #delivery: Delivery;
  readonly #commands: readonly string[];

  constructor({ person, surroundings, delivery, commands }: ActorOptions) {
    this.id = person.id;
    this.name = person.name;
    this.#person = person;
    this.#surroundings = surroundings;
    this.#delivery = delivery;
    this.#commands = commands;
  }

  /**
   * Types a line and resolves once the app has acknowledged it.
   * @param where '#incident' unless said otherwise; `thread` is the ts of a message to reply to.
   * @throws NotResponding when the app does not acknowledge in time.
   */
  async types(
    text: string,
    { in: place = '#incident', thread }: { in?: string; thread?: string } = {},
  ): Promise<Exchange> {
    const channel = this.#enter(place);
    const { state } = this.#surroundings;
    if (text.startsWith('/')) return this.#command(text, channel, thread);
    const message = state.post({
      channel: channel.id,
      user: this.id,
      text: arrivingText(text, state, false),
      thread_ts: thread,
    });
    if (channel.kind !== 'im' && !mentionsBot(message.text))
      return this.#delivery.unheard({ text: message.text }, channel.id, this.id);
    if (!channel.botIsMember) throw new Error(`the bot is not in #${channel.name}, so it does not hear its name there`);
    const payload = eventPayload(state, messageEvent(this.#person, channel, message));
    return this.#delivery.deliver('events_api', payload, { channel: channel.id, user: this.id });
  }

  async #command(line: string, channel: Channel, thread: string | undefined): Promise<Exchange> {
    if (thread !== undefined) throw new Error('slash commands do not work in threads');
    const [command = ''] = line.split(/\s/, 1);
    if (!this.#commands.includes(command)) throw new Error(`${command} is not a valid command`);
    const { state } = this.#surroundings;
    const target = { channel: channel.id, user: this.id };
    const payload = commandPayload(this.#person, channel, {
      command,
      text: arrivingText(line.slice(command.length).trim(), state, true),
      trigger_id: state.issueTrigger(this.id),
      response_url: this.#responseUrl(target),
    });
    const exchange = await this.#delivery.deliver('slash_commands', payload, target);
    const answer = exchange.acknowledgement;
    if (typeof answer === 'object' && answer && ('text' in answer || 'blocks' in answer))
      postResponse(target, answer, this.#surroundings);
    return exchange;
  }

  /**
   * Presses the button with this label on the newest message this person sees, or on the given one.
   * A confirm dialog is accepted, or dismissed with `dismiss`: then the app hears nothing.
   * @throws Error naming the buttons there are when there is none with this label.
   */
  async clicks(label: string, { dismiss = false, ...place }: Place & { dismiss?: boolean } = {}): Promise<Exchange> {
    const spots = this.#spots(place);
    const isButton = ({ control }: Spot) => control.type === 'button';
    const spot = spots.find(each => isButton(each) && textOf(each.control.element.text) === label);
    if (!spot) {
      const labels = spots.filter(isButton).map(each => `"${textOf(each.control.element.text)}"`);
      throw new Error(`${this.name} sees no button "${label}"; there are ${[...new Set(labels)].join(', ') || 'none'}`);
    }
    const { confirm } = spot.control.element;
    if (dismiss && !confirm) throw new Error(`"${label}" has no confirm dialog to dismiss`);
    const channel = spot.message?.channel ?? '';
    if (dismiss) return { ...this.#delivery.unheard({}, channel, this.id), confirm };
    return { ...(await this.#press(spot)), confirm };
  }

  /** Chooses an option of a menu, by the menu's action_id and the option's text or value. */
  async chooses(actionId: string, choice: string | readonly string[], place: Place = {}): Promise<Exchange> {
    const spots = this.#spots(place);
    const spot = spots.find(({ control }) => control.actionId === actionId);
    if (!spot)
      throw new Error(
        `${this.name} sees no ${actionId}; there are ${spots.map(each => each.control.actionId).join(', ')}`,
      );
    return this.#act(spot, chosenValue(spot.control, choice));
  }

  /** Uses the control with these ids, as the page does: presses a button, or chooses `selected` from a menu. */
  async uses(ids: { block_id: string; action_id: string }, place: Place, selected?: string | readonly string[]) {
    const spot = this.#spots(place).find(
      ({ control }) => control.blockId === ids.block_id && control.actionId === ids.action_id,
    );
    if (!spot) throw new Error(`${this.name} sees no ${ids.action_id} there`);
    if (spot.control.type !== 'button') return this.#act(spot, chosenValue(spot.control, selected ?? ''));
    return this.#press(spot);
  }

  /** Sends a click that no button offers: on a message of one's choice, or on one that does not exist. */
  async clicksRaw({
    action_id,
    value,
    block_id = 'forged',
    on,
    in: place = '#incident',
  }: ForgedClick): Promise<Exchange> {
    const channel = on?.channel ?? this.#surroundings.state.channel(place).id;
    const nowhere = { sequence: 0, ts: this.#surroundings.state.nextTs(), channel, user: this.id, text: '' };
    const control = { blockId: block_id, type: 'button', actionId: action_id, element: {}, label: '', optional: false };
    const text = { type: 'plain_text', text: action_id, emoji: true };
    return this.#act({ control, message: on ?? nowhere }, { text, value });
  }

  /** The modal on top for this person. */
  modal(): View | undefined {
    return this.#surroundings.state.modals.get(this.id)?.at(-1);
  }

  /** This person's App Home, as last published. */
  home(): View | undefined {
    return this.#surroundings.state.homes.get(this.id);
  }

  /** Opens the App Home. */
  async opensHome(): Promise<Exchange> {
    const { state } = this.#surroundings;
    const channel = state.directMessages(this.#person).id;
    const view = this.home();
    const event = { type: 'app_home_opened', user: this.id, channel, tab: 'home', event_ts: state.nextTs(), view };
    return this.#delivery.deliver('events_api', eventPayload(state, event), { channel, user: this.id });
  }

  /**
   * Fills in the open modal and submits it. Inputs are named by label, action_id or block_id.
   * When the app answers with errors the modal stays open and `modal()?.errors` has them.
   */
  async submits(values: Record<string, string | readonly string[]> = {}): Promise<Exchange> {
    const used = new Set<string>();
    const state = filledIn(this.#openModal(), control => {
      const key = [control.label, control.actionId, control.blockId].find(each => each in values);
      if (key !== undefined) used.add(key);
      return key === undefined ? undefined : values[key];
    });
    const unknown = Object.keys(values).filter(key => !used.has(key));
    if (unknown.length) throw new Error(`the modal has no input ${unknown.join(', ')}`);
    return this.#submit(state);
  }

  /** Submits the open modal with whatever the function puts into its inputs. */
  submitsFilled(fillIn: FillIn): Promise<Exchange> {
    return this.#submit(filledIn(this.#openModal(), fillIn));
  }

  async #submit(filled: View['state']): Promise<Exchange> {
    const { state } = this.#surroundings;
    const view = this.#openModal();
    view.state = filled;
    delete view.errors;
    const payload = viewPayload('view_submission', this.#person, view, state.issueTrigger(this.id));
    const exchange = await this.#delivery.deliver('interactive', payload, { user: this.id });
    applySubmission(exchange.acknowledgement, this.id, view, this.#surroundings);
    return exchange;
  }

  /** Closes the open modal; the app hears of it only if the view asked for that. */
  async closes(): Promise<Exchange | undefined> {
    const view = this.#openModal();
    closeModal(this.#surroundings.state, this.id);
    if (!('notify_on_close' in view && view.notify_on_close)) return undefined;
    return this.#delivery.deliver('interactive', viewPayload('view_closed', this.#person, view), { user: this.id });
  }

  /** The messages of a channel as this person sees them, oldest first, ephemeral ones for them included. */
  sees(place: string): Message[] {
    return this.#surroundings.state.visible(this.#enter(place).id, this.id);
  }

  #openModal(): View {
    const view = this.modal();
    if (!view) throw new Error(`no modal is open for ${this.name}`);
    return view;
  }

  #enter(place: string): Channel {
    const channel = this.#surroundings.state.channel(place);
    if (!channel.members.has(this.id)) throw new Error(`${this.name} is not in ${place}`);
    if (channel.isArchived) throw new Error(`#${channel.name} is archived`);
    return channel;
  }

  /** The controls of a place, those of the newest message first. */
  #spots({ on, in: place }: Place): Spot[] {
    const view = place === 'home' ? this.home() : place === 'modal' ? this.modal() : undefined;
    if (view) return controlsOf(view.blocks).map(control => ({ control, view }));
    const { state } = this.#surroundings;
    const channels = place ? [this.#enter(place)] : state.channels.filter(each => each.members.has(this.id));
    const messages = on ? [on] : channels.flatMap(each => state.visible(each.id, this.id));
    return messages
      .filter(message => !message.deleted)
      .sort((a, b) => b.sequence - a.sequence)
      .flatMap(message => controlsOf(message.blocks).map(control => ({ control, message })));
  }

  #press(spot: Spot): Promise<Exchange> {
    const { text, value, style, url } = spot.control.element;
    return this.#act(spot, { text, value, style, url });
  }

  #act({ control, message, view }: Spot, value: Record<string, unknown>): Promise<Exchange> {
    const { state } = this.#surroundings;
    const { blockId: block_id, actionId: action_id, type } = control;
    const action = { type, block_id, action_id, ...value, action_ts: state.nextTs() };
    const trigger = state.issueTrigger(this.id);
    if (!message) {
      if (!view) throw new Error('a control stands on a message or a view');
      const payload = actionsPayload(this.#person, { view }, action, trigger);
      return this.#delivery.deliver('interactive', payload, { user: this.id });
    }
    const channel = state.channel(message.channel);
    const target = { channel: channel.id, user: this.id };
    const response_url = this.#responseUrl({ ...target, original: message });
    const source = { message, channel, response_url, shown: messageObject(message) };
    return this.#delivery.deliver('interactive', actionsPayload(this.#person, source, action, trigger), target);
  }

  #responseUrl(target: { channel: string; user: string; original?: Message }): string {
    return `${this.#surroundings.url}/response/${this.#surroundings.state.issueResponseUrl(target)}`;
  }
}
