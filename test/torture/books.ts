import type { Selectable } from 'kysely';
import type { Action } from '../../src/actions/ledger-types.ts';
import type { StoreSchema } from '../../src/store/schema.ts';
import type { World } from './world.ts';

export type Event = Selectable<StoreSchema['events']>;

/** What a run has left in the store, and the world it ran in. */
export interface Books {
  readonly world: World;
  readonly actions: readonly Action[];
  readonly events: readonly Event[];
  readonly approvals: readonly Selectable<StoreSchema['approvals']>[];
  /** The events of an action, oldest first. */
  readonly of: (action: Action) => readonly Event[];
}

/** Whose approvals count, as these events of an action tell it, each with the event. */
export function countedIn(events: readonly Event[]): ReadonlyMap<string, Event> {
  const counted = new Map<string, Event>();
  for (const event of events) {
    if (event.kind === 'approved') counted.set(String(bodyOf(event).by), event);
    if (event.kind === 'approval_dropped') counted.delete(String(bodyOf(event).by));
  }
  return counted;
}

export function bodyOf(event: Event): Record<string, unknown> {
  return JSON.parse(event.body) as Record<string, unknown>;
}
