import type { Channel, Person } from '../render/context.ts';
import type { Message } from '../render/message.ts';
import type { ViewContent } from '../render/view.ts';

/** A rule of Slack's that the bot broke. */
export interface Violation {
  what: string;
  ts?: string;
  channel?: string;
  at: number;
}

/** An open modal. */
export interface ModalView extends ViewContent {
  id?: string;
}

/** Everything the workspace shows, as `GET /state` gives it. */
export interface State {
  team: string | { name: string };
  /** The bot's name. */
  app?: { name: string };
  people: Person[];
  channels: Channel[];
  messages: Message[];
  modals: Record<string, ModalView | null | undefined>;
  violations: Violation[];
}

/** What a person may do; each is one POST. */
interface Acts {
  type: { as: string; in: string; text: string; thread?: string };
  click: {
    as: string;
    /** The message clicked in; a control of the open modal has `view` instead. */
    channel?: string;
    ts?: string;
    view?: 'modal';
    block_id: string;
    action_id: string;
    value?: string;
    selected?: string | string[];
  };
  submit: { as: string; values: Record<string, Record<string, unknown>> };
  close: { as: string };
}

/** Does one thing as a person. Rejects with what the workspace said against it. */
export async function act<Name extends keyof Acts>(name: Name, what: Acts[Name]): Promise<void> {
  const response = await fetch(`/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(what),
  });
  if (response.ok) return;
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(body.error ?? `The workspace answered ${response.status}.`);
}

/**
 * Follows the workspace: fetches its state at once and again after every change. Changes that come while a fetch is
 * under way are answered by one more fetch.
 */
export function follow(onState: (state: State) => void, onConnection: (connected: boolean) => void): void {
  let fetching = false;
  let stale = false;
  const refresh = async () => {
    stale = true;
    if (fetching) return;
    fetching = true;
    try {
      while (stale) {
        stale = false;
        const response = await fetch('/state');
        onState((await response.json()) as State);
      }
    } finally {
      fetching = false;
    }
  };
  const refreshOrSay = () => {
    refresh().catch((error: unknown) => {
      console.error(error);
      onConnection(false);
    });
  };
  const events = new EventSource('/events');
  events.addEventListener('open', () => {
    onConnection(true);
    refreshOrSay();
  });
  events.addEventListener('message', refreshOrSay);
  events.addEventListener('error', () => onConnection(false));
  refreshOrSay();
}
