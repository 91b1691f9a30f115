import type { Selectable } from 'kysely';
import type { Action } from '../../src/actions/ledger.ts';
import type { StoreSchema } from '../../src/store/schema.ts';
import type { World } from './world.ts';

export type Event = Selectable<StoreSchema['events']>;

/** What a run has left in the store, and the world it ran in. */
export interface Books {
  readonly world: World;
  readonly actions: readonly Action[];
  readonly events: readonly Event[];
  /** The events of an action, oldest first. */
  readonly of: (action: Action) => readonly Event[];
}

export function bodyOf(event: Event): Record<string, unknown> {
  return JSON.parse(event.body) as Record<string, unknown>;
}
