import { DEFAULT_PEOPLE } from '../people.ts';
import type { Message, Workspace } from '../workspace.ts';
import type { Fresh } from './progress.ts';

const audit = '#db-audit';

/** Everything that stands in a workspace at one moment, by message. */
export type Snapshot = ReadonlyMap<string, string>;

/** Remembers what stands in the workspace now. */
export function snapshotOf(slack: Workspace): Snapshot {
  return new Map(messagesOf(slack).map(message => [keyOf(message), contentOf(message)]));
}

/** What the bot posted or edited since, in the order of posting. */
export function freshSince(slack: Workspace, before: Snapshot): Fresh[] {
  const auditChannel = slack.channel(audit).id;
  return messagesOf(slack).flatMap(message => {
    const old = before.get(keyOf(message));
    if (message.bot_id === undefined || old === contentOf(message)) return [];
    return { message, isNew: old === undefined, inAuditChannel: message.channel === auditChannel };
  });
}

/** All that anybody sees, messages to one person included. */
function messagesOf(slack: Workspace): Message[] {
  const members = DEFAULT_PEOPLE.filter(person => !person.isStranger && !person.deleted);
  const all = members.flatMap(({ name }) =>
    ['#incident', audit, `@${name}`].flatMap(place => slack.person(name).sees(place)),
  );
  const strangers = DEFAULT_PEOPLE.filter(person => !members.includes(person)).flatMap(({ name }) =>
    slack.person(name).sees('#incident'),
  );
  return [...new Set([...all, ...strangers])].sort((a, b) => a.sequence - b.sequence);
}

function keyOf({ channel, ts }: Message): string {
  return `${channel} ${ts}`;
}

function contentOf({ text, blocks }: Message): string {
  return JSON.stringify([text, blocks]);
}
