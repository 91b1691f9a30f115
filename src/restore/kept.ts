import { type MarkedDatabase, marked, markedDatabases } from '../postgres/set-aside.ts';
import type { Target } from '../postgres/target.ts';

/** What restores of a target's database have left on its server. */
export async function keptDatabases(target: Pick<Target, 'ask' | 'connection'>): Promise<MarkedDatabase[]> {
  const found = marked(await target.ask(markedDatabases));
  return found.filter(({ mark }) => mark.of === target.connection.database);
}
