import { statement } from './text.ts';

/** What a session is that `/db kill` would refuse, and what helps, as mrkdwn. */
const kinds = {
  own: 'its own session, which ends by itself',
  hidden:
    'what it does is hidden; `GRANT pg_monitor` to the bot’s role; if that has it, track_activities is off for the session',
  walsender: 'a walsender; stop its replica or subscriber, which would only reconnect',
  wraparound: 'an autovacuum against wraparound, which has to finish',
  autovacuum: 'an autovacuum, which gives way by itself to whoever waits for its lock',
  'parallel-worker': 'a parallel worker, which ends with its leader',
  background: 'a process of the server itself',
  superuser: 'a superuser’s session; ask whoever works as that superuser',
  'other-database': 'a session of another database, which that one’s target can end',
  'no-privilege': 'another role’s session; `GRANT pg_signal_backend` to the bot’s role',
  'nothing-to-cancel': 'a session that runs no query now',
} as const;

/** Why `/db kill` would refuse a session. */
export type Refusal = keyof typeof kinds;

/**
 * Why no button leads to the end of a session.
 * @param who begins the sentence: `pid 4711`.
 */
export function mayNotEnd(refusal: Refusal, who = 'it'): string {
  return `${who} may not be ended by the bot: ${kinds[refusal]}`;
}

/** What to type in psql where the bot may not roll back a prepared transaction, as mrkdwn. */
export function rollBackByHand(gid: string): string {
  const literal = `'${gid.replaceAll("'", "''")}'`;
  return `in psql, as its owner: ${statement(`ROLLBACK PREPARED ${literal}`)}, or ${statement(`COMMIT PREPARED ${literal}`)}`;
}
