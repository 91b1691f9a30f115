import type { State } from './state.ts';

/** What is on the page: a person in a channel, and beside it the audit channel or the same channel as someone else. */
export interface Layout {
  as: string;
  channel: string;
  /** Whoever sees the same channel in the second column; absent when that column shows `other`. */
  beside?: string;
  /** The channel of the second column. */
  other: string;
}

function idOf(items: readonly { id: string; name: string }[], wanted: string | null): string | undefined {
  return items.find(({ id, name }) => id === wanted || (wanted !== null && name === wanted.replace(/^[@#]/, '')))?.id;
}

/** The layout an address asks for (`?as=ada&beside=ben&channel=incident`); names and ids both do, unknown ones are left out. */
export function layoutFrom(search: string, { people, channels }: State): Layout {
  const asked = new URLSearchParams(search);
  const [first, second] = channels.filter(({ id }) => !id.startsWith('D'));
  const channel = idOf(channels, asked.get('channel')) ?? idOf(channels, 'incident') ?? first?.id ?? '';
  const other = idOf(channels, asked.get('other')) ?? idOf(channels, 'db-audit') ?? second?.id ?? channel;
  return {
    as: idOf(people, asked.get('as')) ?? people[0]?.id ?? '',
    channel,
    other,
    beside: idOf(people, asked.get('beside')),
  };
}

/** The address of a layout, with names where they are known, so that it can be shared and survives a reload. */
export function searchOf({ as, channel, beside, other }: Layout, { people, channels }: State): string {
  const nameOf = (items: readonly { id: string; name: string }[], id: string) =>
    items.find(item => item.id === id && !id.startsWith('D'))?.name ?? id;
  const search = new URLSearchParams({ as: nameOf(people, as), channel: nameOf(channels, channel) });
  if (beside) search.set('beside', nameOf(people, beside));
  else search.set('other', nameOf(channels, other));
  return `?${search}`;
}

/** The layout after a channel was chosen; the columns change places where the other one shows it already. */
export function withChannel(layout: Layout, channel: string): Layout {
  const other = channel === layout.other ? layout.channel : layout.other;
  return { ...layout, channel, other };
}
