import { minutesToMilliseconds } from 'date-fns/minutesToMilliseconds';
import { maintenanceConnection, within } from '../postgres/maintenance.ts';
import type { Session, Target } from '../postgres/target.ts';
import type { RestoreOptions } from './restores.ts';

/** A session beside the target, and where to open another one. */
export interface Outside {
  readonly maintenance: Target;
  /** May change things; its statements take as long as they take. */
  readonly session: Session;
}

/** A lock on pg_database that is not granted by then is somebody's who waits, too. */
const lockTimeout = minutesToMilliseconds(1);

/**
 * Works on the target's database from outside, where it can be renamed.
 * @throws UserError when the bot's role may connect to no other database.
 */
export async function outside<Result>(
  { target, log }: Pick<RestoreOptions, 'target' | 'log'>,
  work: (outside: Outside) => Promise<Result>,
): Promise<Result> {
  const connection = await maintenanceConnection(target);
  return within({ name: `${target.name}/restore`, connection, log }, maintenance =>
    maintenance.withSession(session => work({ maintenance, session }), {
      readOnly: false,
      statementTimeout: 0,
      lockTimeout,
    }),
  );
}
