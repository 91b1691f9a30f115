import { cut, oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { ProgramEnd } from './client-program.ts';

interface Explanation {
  readonly message: string;
  readonly hint: string;
}

const noWay: Explanation = {
  message: 'pgBackRest does not find a running primary server.',
  hint: 'Compare pg1-path, pg1-port and pg1-socket-path of its configuration with the server.',
};

const notThere: Explanation = {
  message: 'pgBackRest misses a file: its configuration, or the stanza in its repository.',
  hint: 'Check `pgbackrest.config` of CONFIG_FILE; a new stanza is made with `pgbackrest stanza-create`.',
};

const otherCluster: Explanation = {
  message: 'The stanza in the repository is of another server, or of an older version of this one.',
  hint: 'After an upgrade of PostgreSQL: `pgbackrest stanza-upgrade`. Otherwise check `pgbackrest.stanza` of CONFIG_FILE.',
};

/**
 * What an exit code of pgBackRest means for whoever asked.
 * https://github.com/pgbackrest/pgbackrest/blob/main/src/build/error/error.yaml
 */
const explanations: Readonly<Record<number, Explanation>> = {
  28: otherCluster,
  40: {
    message: 'pgBackRest found files where it was to restore, and did not touch them.',
    hint: 'Look at tablespaces in its configuration.',
  },
  44: otherCluster,
  50: {
    message: 'Another pgBackRest works on this stanza now.',
    hint: 'Ask again when it is done; `pgbackrest info` shows whether a backup runs.',
  },
  51: otherCluster,
  55: notThere,
  56: noWay,
  57: noWay,
  68: {
    message: 'Archiving is broken: the server’s archive_command does not call pgBackRest.',
    hint: '`/db wal` shows what fails. Set `archive_command` to `pgbackrest --stanza=… archive-push %p` and `SELECT pg_reload_conf()`.',
  },
  75: {
    message: 'There is no backup set that ended before that moment.',
    hint: '`/db wal` shows from when on one can restore.',
  },
  82: {
    message: 'Archiving is broken: WAL did not reach the repository in time.',
    hint: '`/db wal` shows what fails; the archiver’s error is in the server’s log.',
  },
  87: {
    message: 'Archiving is off on the server, and pgBackRest needs it.',
    hint: 'Set `archive_mode = on` and an `archive_command`, and restart the server.',
  },
};

const longestWords = 500;

/**
 * A failed run in words: what its exit code means and what it said itself. pgBackRest replaces what its configuration
 * marks as secret by `<redacted>`. https://pgbackrest.org/configuration.html
 */
export function explainPgbackrest(what: string, { exitCode, signal, complaints }: ProgramEnd): UserError {
  const known = explanations[exitCode ?? -1];
  const words = cut(oneLine(complaints.filter(line => !/^\s*HINT:/.test(line)).join(' ')), longestWords);
  const code = exitCode === undefined ? (signal ?? 'it did not start') : `code ${exitCode}`;
  return new UserError(`${known?.message ?? `pgBackRest could not ${what}.`} It ended with ${code}: ${words}`, {
    hint: known?.hint ?? 'Run the same by hand as the account of the bot: it may lack a right to the repository.',
  });
}
