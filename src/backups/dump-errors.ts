import { cut, duration, oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Blocker } from '../postgres/dump-sessions.ts';
import type { ProgramEnd } from '../tools/client-program.ts';
import { systemCode } from '../tools/system-code.ts';

interface Explanation {
  readonly when: RegExp;
  readonly message: string;
  readonly hint: string;
}

const diskFull: Explanation = {
  when: /No space left on device|Disk quota exceeded|File too large/,
  message: 'The disk of BACKUP_DIR filled up while the backup was written.',
  hint: 'Free space there (`/db backup-prune` removes what the settings no longer keep), or name a larger place in BACKUP_DIR.',
};

const gone: Explanation = {
  when: /relation .* does not exist|no matching (?:tables|schemas) were found/,
  message: 'A table was dropped or renamed while the backup began.',
  hint: 'Start it again: it will take the tables that are there then.',
};

const ended: Explanation = {
  when: /invalid snapshot identifier|could not import the requested snapshot|due to administrator command|not currently accepting connections/,
  message: 'The backup’s sessions on the server were ended while it ran.',
  hint: 'A restore does that when it takes the database’s name, and so does an administrator or a restart; `/db audit` shows which commands ran. Start the backup again when that is over: nothing of it is left.',
};

/** The leader's LOCK TABLE ran out of --lock-wait-timeout, or a job found another's request before its own. */
const lockFailure = /query was: LOCK TABLE|could not obtain lock on relation/i;

/**
 * What pg_dump's words mean. It passes no SQLSTATE on; its own messages are English under LC_ALL=C, the server's are in
 * the language of lc_messages, so those are only recognized here in English and otherwise shown as they are.
 */
const explanations: readonly Explanation[] = [
  diskFull,
  {
    when: /row-level security policy/,
    message: 'Row security would hide rows from the backup, and a partial backup is worse than none.',
    hint: 'Give the role of the bot the attribute BYPASSRLS, or let it own the tables without FORCE ROW LEVEL SECURITY.',
  },
  gone,
  ended,
  {
    when: /permission denied/,
    message: 'The role of the bot may not read everything that belongs to the backup.',
    hint: 'Grant it pg_read_all_data (PostgreSQL 14 and later), or SELECT on what the log names.',
  },
  {
    when: /conflict with recovery/,
    message: 'The standby had to replay a change that conflicts with the backup, and cancelled it.',
    hint: 'Back up the primary, or raise max_standby_streaming_delay or set hot_standby_feedback on this standby.',
  },
  {
    when: /remaining connection slots|too many (?:clients|connections)/,
    message: 'The server has no connection left for pg_dump.',
    hint: 'Free connections, or start the backup at a quieter time.',
  },
  {
    when: /server version mismatch/,
    message: 'This pg_dump is older than the server.',
    hint: 'Install the client tools of the server’s own major version, or name their folder in PG_BIN.',
  },
  {
    when: /invalid page in block|checksum|could not read block|missing chunk number|unexpected chunk/,
    message: 'The server could not read a page of a table: its data may be damaged.',
    hint: 'Do not restart, VACUUM or REINDEX. Keep the last good backup safe and run `/db integrity --deep`.',
  },
  {
    when: /server closed the connection|terminating connection|connection to (?:client|server) .*lost|could not (?:connect|receive data)/,
    message: 'pg_dump lost its connection to the server.',
    hint: 'See with `/db status` whether the server is well, then start the backup again.',
  },
];

/** Names who held, or asked before for, the lock that was not granted. */
export function lockRefused(blockers: readonly Blocker[], cause: unknown): UserError {
  const who = blockers.map(describeBlocker).join(', ');
  return new UserError(
    `The backup did not get a lock on every table in time${who === '' ? '' : `: ${who} ${blockers.length === 1 ? 'is' : 'are'} in the way`}.`,
    { hint: 'Nothing was written. Start it again when that work is over, or end it with `/db kill`.', cause },
  );
}

/** @param reason of the signal; a UserError among them, such as that the bot stops, is passed on as it is. */
export function backupCancelled(reason: unknown): UserError {
  if (reason instanceof UserError) return reason;
  return new UserError('The backup was cancelled. Nothing of it is left, and no other backup was touched.', {
    cause: reason,
  });
}

/** Its session was ended: SQLSTATE admin_shutdown. */
export function sessionsEnded(cause: unknown): UserError {
  return new UserError(ended.message, { hint: ended.hint, cause });
}

export function tableGone(cause: unknown): UserError {
  return new UserError(gone.message, { hint: gone.hint, cause });
}

/** A backend as a person finds it again: `backend 4711 (psql, user ada, in a transaction for 3 min)`. */
export function describeBlocker({ pid, user, application, seconds }: Blocker): string {
  if (pid === 0) return 'a prepared transaction';
  const names = [application || undefined, user === null ? undefined : `user ${user}`].filter(Boolean).join(', ');
  const since = seconds === null ? '' : `, in a transaction for ${duration(seconds)}`;
  return `backend ${pid} (${names}${since})`;
}

/** Whether a file system refused something for want of room: bytes, inodes, or what a quota leaves of them. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '');
}

/**
 * Whether a place takes nothing: it is full, mounted read-only, or another account's. Reading goes on there.
 * @param error of the file system, or what was made of one by `explainFileFailure`.
 */
export function takesNothing(error: unknown): boolean {
  const cause = error instanceof UserError ? error.cause : error;
  return isDiskFull(cause) || ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(cause) ?? '');
}

/** What the file system of BACKUP_DIR refused, as a person's sentence; undefined for an error of another kind. */
export function explainFileFailure(error: unknown, directory: string): UserError | undefined {
  if (isDiskFull(error)) return new UserError('The disk of BACKUP_DIR is full.', { hint: diskFull.hint, cause: error });
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(systemCode(error) ?? '')) {
    return new UserError(`The bot cannot write to ${directory}.`, {
      hint: 'BACKUP_DIR must be a folder that the account of the bot may write to.',
      cause: error,
    });
  }
  return undefined;
}

/**
 * A failed pg_dump as a person's sentence. What it wrote is its cause, for the log.
 * @param blockers whoever was last seen in its way.
 */
export function explainDumpFailure(
  { exitCode, signal, complaints }: ProgramEnd,
  blockers: readonly Blocker[],
): UserError {
  const text = complaints.join('\n');
  const end = signal ? `ended by ${signal}` : `exit code ${exitCode ?? 'unknown'}`;
  const cause = new Error(`pg_dump failed (${end}):\n${text}`);
  const known = explanations.find(({ when }) => when.test(text));
  if (!known && lockFailure.test(text)) return lockRefused(blockers, cause);
  if (known) return new UserError(known.message, { hint: known.hint, cause });
  const first = complaints.find(line => line.includes('error:')) ?? complaints[0];
  const said = first === undefined ? end : cut(oneLine(first.replace(/^pg_dump: /, '')), 300);
  return new UserError(`pg_dump failed: ${said}`, {
    hint: 'The log has all that it wrote. No other backup was touched.',
    cause,
  });
}
