import { BOT, type Person, TEAM } from './people.ts';
import type { ApiCall, Channel, Message, StoredBlock, UserGroup, View, Violation } from './types.ts';

/** The clock and the people of a workspace. */
export interface Setting {
  people: readonly Person[];
  channels: readonly ChannelSetup[];
  /** Milliseconds since the epoch. */
  now: () => number;
}

export interface ChannelSetup {
  name: string;
  isPrivate?: boolean;
  isExtShared?: boolean;
  botIsMember?: boolean;
  /** Names of the people in it; everyone when absent. */
  members?: readonly string[];
}

export const DEFAULT_CHANNELS: readonly ChannelSetup[] = [
  { name: 'incident' },
  { name: 'db-audit' },
  { name: 'shared-partner', isExtShared: true },
];

/** Where an app's answer to one person goes. */
export interface ResponseTarget {
  channel: string;
  user: string;
  /** The message whose button was clicked; it alone can be replaced or deleted. */
  original?: Message | undefined;
}

interface ResponseUrl extends ResponseTarget {
  issuedAt: number;
  uses: number;
}

interface Trigger {
  user: string;
  issuedAt: number;
  used: boolean;
}

/** Everything the workspace knows, and the only place that tells listeners of a change. */
export class State {
  readonly people: Person[];
  readonly channels: Channel[];
  readonly userGroups: UserGroup[] = [];
  readonly messages: Message[] = [];
  readonly violations: Violation[] = [];
  readonly calls: ApiCall[] = [];
  readonly triggers = new Map<string, Trigger>();
  readonly responseUrls = new Map<string, ResponseUrl>();
  /** The open modals of each person, the topmost last. */
  readonly modals = new Map<string, View[]>();
  readonly homes = new Map<string, View>();
  readonly now: () => number;
  readonly #listeners = new Set<() => void>();
  #ids = 0;
  #lastTs = 0;

  constructor({ people, channels, now }: Setting) {
    this.now = now;
    this.people = [...people];
    this.channels = channels.map(setup => ({
      id: `C0${setup.name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')}`.padEnd(9, '0'),
      name: setup.name,
      kind: setup.isPrivate ? 'private' : 'public',
      members: new Set(
        setup.members ? setup.members.map(name => this.personNamed(name).id) : people.map(each => each.id),
      ),
      botIsMember: setup.botIsMember ?? true,
      isExtShared: setup.isExtShared ?? false,
      isArchived: false,
    }));
    for (const person of this.people.filter(each => !each.isStranger && !each.deleted)) this.directMessages(person);
  }

  /** A new id, unique in this workspace. */
  nextId(prefix: string): string {
    this.#ids += 1;
    return `${prefix}${String(this.#ids).padStart(8, '0')}`;
  }

  /** A new message timestamp: seconds with six decimals, larger than every one before. */
  nextTs(): string {
    this.#lastTs = Math.max(this.#lastTs + 1, Math.round(this.now() * 1000));
    return `${Math.floor(this.#lastTs / 1_000_000)}.${String(this.#lastTs % 1_000_000).padStart(6, '0')}`;
  }

  personNamed(name: string): Person {
    const person = this.people.find(each => each.name === name.replace(/^@/, ''));
    if (!person) throw new Error(`no person named ${name}; there are ${this.people.map(each => each.name).join(', ')}`);
    return person;
  }

  /** A channel by id, '#name', or '@name' for the bot's direct messages with that person. */
  channel(reference: string): Channel {
    if (reference.startsWith('@')) return this.directMessages(this.personNamed(reference));
    const channel = this.findChannel(reference);
    if (!channel)
      throw new Error(`no channel ${reference}; there are ${this.channels.map(each => `#${each.name}`).join(', ')}`);
    return channel;
  }

  findChannel(reference: string): Channel | undefined {
    const name = reference.replace(/^#/, '');
    return this.channels.find(each => each.id === reference || (each.kind !== 'im' && each.name === name));
  }

  /** The conversation of the bot with one person, opened at first use. */
  directMessages(person: Person): Channel {
    const id = `D${person.id.slice(1)}`;
    const existing = this.channels.find(each => each.id === id);
    if (existing) return existing;
    const channel: Channel = {
      id,
      name: person.name,
      kind: 'im',
      members: new Set([person.id]),
      botIsMember: true,
      isExtShared: false,
      isArchived: false,
    };
    this.channels.push(channel);
    return channel;
  }

  /** A user group by handle, created empty at first use. */
  userGroup(handle: string): UserGroup {
    const existing = this.userGroups.find(each => each.handle === handle);
    if (existing) return existing;
    const group: UserGroup = { id: this.nextId('S'), handle, members: [] };
    this.userGroups.push(group);
    return group;
  }

  /** Puts a message in its channel. */
  post(draft: Omit<Message, 'sequence' | 'ts'>): Message {
    const message: Message = { ...draft, sequence: this.messages.length + 1, ts: this.nextTs() };
    this.messages.push(message);
    this.changed();
    return message;
  }

  /** What the bot posts, signed as the bot. */
  postAsBot(draft: Omit<Message, 'sequence' | 'ts' | 'user' | 'bot_id'>): Message {
    return this.post({ ...draft, user: BOT.userId, bot_id: BOT.botId });
  }

  /** The messages of a channel that one person sees, or that everyone sees when no person is given; oldest first. */
  visible(channelId: string, userId?: string): Message[] {
    return this.messages.filter(
      each => each.channel === channelId && !each.deleted && (!each.ephemeralFor || each.ephemeralFor === userId),
    );
  }

  /** A trigger_id for what this person just did: good for one use within three seconds. */
  issueTrigger(user: string): string {
    const id = `${this.nextId('')}.${TEAM.id}`;
    this.triggers.set(id, { user, issuedAt: this.now(), used: false });
    return id;
  }

  /** Gives the id of a response_url for what this person just did. */
  issueResponseUrl(target: ResponseTarget): string {
    const id = this.nextId('R');
    this.responseUrls.set(id, { ...target, issuedAt: this.now(), uses: 0 });
    return id;
  }

  violate(rule: string, detail: string): void {
    this.violations.push({ rule, detail, at: this.now() });
    this.changed();
  }

  /** Calls the listener after every change; returns the undo. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Fills in the block_ids and action_ids that the app left to Slack. */
  withIds(blocks: unknown[]): StoredBlock[] {
    return blocks.map(each => ({ block_id: this.nextId('b'), ...(this.#withActionIds(each) as { type: string }) }));
  }

  #withActionIds(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(each => this.#withActionIds(each));
    if (typeof value !== 'object' || value === null) return value;
    const inner = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#withActionIds(each)]));
    const isElement = INTERACTIVE_TYPES.has(String(inner.type));
    return isElement && !inner.action_id ? { ...inner, action_id: this.nextId('a') } : inner;
  }
}

/** Element types that carry an action_id. */
const INTERACTIVE_TYPES: ReadonlySet<string> = new Set([
  'button',
  'overflow',
  'static_select',
  'multi_static_select',
  'users_select',
  'multi_users_select',
  'conversations_select',
  'checkboxes',
  'radio_buttons',
  'datepicker',
  'timepicker',
  'datetimepicker',
  'plain_text_input',
  'number_input',
  'email_text_input',
  'url_text_input',
]);
