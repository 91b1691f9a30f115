import { cut, oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { ProgramEnd } from '../tools/client-program.ts';

/** A restore that failed. */
export class RestoreFailure extends UserError {
  override readonly name = 'RestoreFailure';
  /** Whether the backup is to blame, or the server that it was to be restored on. */
  readonly fault: 'backup' | 'server';

  constructor(message: string, { fault, ...options }: { fault: 'backup' | 'server'; hint?: string; cause?: unknown }) {
    super(message, options);
    this.fault = fault;
  }
}

interface Explanation {
  readonly fault: 'backup' | 'server';
  readonly when: RegExp;
  readonly message: (match: RegExpExecArray) => string;
  readonly hint: string;
}

/**
 * What the words of pg_restore and psql mean. Neither passes a SQLSTATE on; their own messages are English under
 * LC_ALL=C, the server's are in the language of lc_messages, so those are only recognized here in English and otherwise
 * shown as they are.
 */
const explanations: readonly Explanation[] = [
  {
    fault: 'server',
    when: /invalid command \\restrict/,
    message: () => 'This psql is too old to keep a file from running programs here: it does not know \\restrict.',
    hint: 'Install a psql of PostgreSQL 13.22, 14.19, 15.14, 16.10, 17.6, or newer, where the bot runs.',
  },
  {
    fault: 'server',
    when: /authentication failed for user "([^"]+)"|no pg_hba\.conf entry for .*user "([^"]+)"/,
    message: ([, user, unknown]) => `${user ?? unknown} cannot log in to the server that the backup is restored on.`,
    hint: 'Its pg_hba.conf must take a password. Where scratch_url_env names a superuser, a role of the moment, pgchatops_verify_…, loads the dump: name one with CREATEDB that is none, or let that one in.',
  },
  {
    fault: 'backup',
    when: /backslash commands are restricted|\\unrestrict: wrong key/,
    message: () => 'The backup’s SQL has a command for psql, such as one that runs a program: pg_dump writes none.',
    hint: 'Somebody has changed the file. Nothing of it stays in the database; look at who may write there.',
  },
  {
    fault: 'server',
    when: /No space left on device|Disk quota exceeded|could not extend file/,
    message: () => 'The disk of the server that the backup is restored on filled up.',
    hint: 'Free space there, or restore on a server with more of it.',
  },
  {
    fault: 'server',
    when: /extension "([^"]+)" is not available|could not open extension control file ".*\/([^"/]+)\.control"/,
    message: ([, name, file]) => `The extension ${name ?? file} is not installed on the server that it is restored on.`,
    hint: 'Install its package there; the backup itself may be good.',
  },
  {
    fault: 'server',
    when: /must be loaded via shared_preload_libraries|shared_preload_libraries/,
    message: () => 'An extension of the backup works only where shared_preload_libraries names it.',
    hint: 'Verify on a server that is set up for it: name it in scratch_url_env.',
  },
  {
    fault: 'backup',
    when: /could not create unique index "([^"]+)"|duplicate key value violates unique constraint "([^"]+)"/,
    message: ([, index, constraint]) => `Rows of the backup break the unique index ${index ?? constraint}.`,
    hint: 'The index of the source is damaged and has hidden a duplicate: run `/db integrity --deep` there. The rows are all in the backup.',
  },
  {
    fault: 'backup',
    when: /violates (?:foreign key|check|not-null) constraint(?: "([^"]+)")?/,
    message: ([, name]) =>
      `Rows of the backup break ${name === undefined ? 'a constraint' : `the constraint ${name}`}.`,
    hint: 'The source has rows that its own constraint forbids: run `/db integrity` there. The rows are all in the backup.',
  },
  {
    fault: 'server',
    when: /role "([^"]+)" does not exist/,
    message: ([, name]) => `The backup has objects of the role ${name}, which the server does not have.`,
    hint: 'Create the role there first (`CREATE ROLE … NOLOGIN` is enough), then start the restore again.',
  },
  {
    fault: 'server',
    when: /(?:ERROR: +)?((?:permission denied|must be (?:owner|superuser|member|able to)|[Oo]nly (?:a )?(?:superusers?|roles?)\b).*)/,
    message: ([, said = '']) => `The role may not create everything that the backup holds: ${cut(oneLine(said), 200)}.`,
    hint: 'Restore as the owner of the database or a superuser; the log names the statement.',
  },
  {
    fault: 'server',
    when: /unsupported version \([\d.]+\) in file header/,
    message: () => 'This pg_restore is older than the pg_dump that took the backup.',
    hint: 'Install the client tools of the backup’s own major version, or name their folder in PG_BIN.',
  },
  {
    fault: 'backup',
    when: /incorrect data check|could not (?:uncompress|decompress|read)|end of file|could not close data file|corrupt|ZSTD|invalid (?:block|distance|code|stored)/,
    message: () => 'The backup’s files are damaged: what they hold cannot be read to its end.',
    hint: 'Take another backup; `/db backups` shows the others. The log has what the program said.',
  },
  {
    fault: 'backup',
    when: /could not open (?:input )?(?:file|directory|TOC file)/,
    message: () => 'A file of the backup is missing or cannot be opened.',
    hint: 'Take another backup; `/db backups` shows the others. The log names the file.',
  },
  {
    fault: 'server',
    when: /server closed the connection|terminating connection|connection to (?:client|server) .*(?:lost|failed)|could not (?:connect|receive data)/,
    message: () => 'The connection to the server that the backup is restored on was lost.',
    hint: 'See whether that server is well, then start again.',
  },
];

/** A failed pg_restore or psql as a person's sentence. What it wrote is its cause, for the log. */
export function explainRestoreFailure(
  program: 'pg_restore' | 'psql',
  { exitCode, signal, complaints }: ProgramEnd,
): RestoreFailure {
  const text = complaints.join('\n');
  const end = signal ? `ended by ${signal}` : `exit code ${exitCode ?? 'unknown'}`;
  const cause = new Error(`${program} failed (${end}):\n${text}`);
  for (const { fault, when, message, hint } of explanations) {
    const match = when.exec(text);
    if (match) return new RestoreFailure(message(match), { fault, hint, cause });
  }
  const first = complaints.find(line => /error:|ERROR:|FATAL:/.test(line)) ?? complaints[0];
  const said =
    first === undefined ? end : cut(oneLine(first.replace(/^(?:pg_restore|psql)\S*: (?:error: )?/, '')), 300);
  return new RestoreFailure(`${program} failed: ${said}`, {
    fault: 'backup',
    hint: 'The log has all that it wrote.',
    cause,
  });
}
