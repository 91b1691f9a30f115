/** Somebody of the workspace, as the page and the terminal name them. */
export interface Person {
  id: string;
  name: string;
  realName?: string;
  badge?: 'guest' | 'other workspace' | 'deleted';
}

/** A channel or a direct message. */
export interface Channel {
  id: string;
  name: string;
}

/** What a rendering depends on besides the blocks themselves: who looks, from which time zone, and when. */
export interface RenderContext {
  people: readonly Person[];
  channels?: readonly Channel[];
  /** IANA name, such as `Europe/Paris`; Slack shows times in the viewer's own zone. */
  timeZone: string;
  /** The viewer's present moment; without it nothing is called today or yesterday. */
  now?: Date;
  /** The app's name, over the messages of the bot. */
  appName?: string;
  /** Keeps radio buttons of the same message apart when one document shows it twice. */
  scope?: string;
}

/** The name behind a person's id; the id itself when nobody has it, which then is worth seeing. */
export function personName(id: string, { people }: RenderContext): string {
  return people.find(person => person.id === id)?.name ?? id;
}

/** The name behind a channel's id, without the `#`. */
export function channelName(id: string, { channels }: RenderContext): string {
  return channels?.find(channel => channel.id === id)?.name ?? id;
}
