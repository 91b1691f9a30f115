import type { PageFinding } from '../../blocks/page.ts';
import { bytes, code, count, number } from '../../blocks/text.ts';
import { advised } from './advised.ts';
import { attention, critical, type Severity } from './finding.ts';
import type { ServerSettings, Setting } from './settings.ts';

interface Rule {
  readonly name: string;
  readonly severity: Severity;
  readonly bad: (value: string) => boolean;
  /** What it does, after `fsync is off: `. */
  readonly effect: string;
  /** The value to go back to. */
  readonly instead: string;
}

const off = (value: string) => value === 'off';
const on = (value: string) => value === 'on';

/** https://www.postgresql.org/docs/current/runtime-config.html says of each why. */
const rules: readonly Rule[] = [
  { name: 'fsync', severity: 'critical', bad: off, effect: 'a crash can destroy all data', instead: 'on' },
  {
    name: 'full_page_writes',
    severity: 'critical',
    bad: off,
    effect: 'a crash can leave half-written pages',
    instead: 'on',
  },
  {
    name: 'autovacuum',
    severity: 'critical',
    bad: off,
    effect: 'dead rows and old transaction ids pile up',
    instead: 'on',
  },
  { name: 'track_counts', severity: 'critical', bad: off, effect: 'autovacuum cannot work', instead: 'on' },
  {
    name: 'zero_damaged_pages',
    severity: 'critical',
    bad: on,
    effect: 'damaged pages are emptied, their rows lost',
    instead: 'off',
  },
  {
    name: 'ignore_checksum_failure',
    severity: 'critical',
    bad: on,
    effect: 'damage spreads unseen',
    instead: 'off',
  },
  {
    name: 'ignore_invalid_pages',
    severity: 'critical',
    bad: on,
    effect: 'recovery passes over damage',
    instead: 'off',
  },
  {
    name: 'ignore_system_indexes',
    severity: 'critical',
    bad: on,
    effect: 'every catalog look-up reads whole tables',
    instead: 'off',
  },
  {
    name: 'synchronous_commit',
    severity: 'attention',
    bad: off,
    effect: 'a crash loses the last commits, up to about three times wal_writer_delay',
    instead: 'on',
  },
  {
    name: 'track_activities',
    severity: 'attention',
    bad: off,
    effect: 'nobody sees what sessions do, /db kill and /db status neither',
    instead: 'on',
  },
  {
    name: 'wal_level',
    severity: 'attention',
    bad: value => value === 'minimal',
    effect: 'no replica and no point-in-time recovery is possible',
    instead: 'replica',
  },
  {
    name: 'password_encryption',
    severity: 'attention',
    bad: value => value === 'md5',
    effect: 'new passwords are stored as MD5, which is broken',
    instead: "'scram-sha-256'",
  },
  {
    name: 'restart_after_crash',
    severity: 'attention',
    bad: off,
    effect: 'after a crash of one backend the server stays down',
    instead: 'on',
  },
  {
    name: 'autovacuum_freeze_max_age',
    severity: 'attention',
    bad: value => Number(value) > 1_000_000_000,
    effect: 'forced vacuums begin when half of the transaction ids are used',
    instead: '200000000',
  },
];

/** Above it, each snapshot and each idle backend costs; a pooler in front serves more clients with fewer. */
const manyConnections = 500;
/** 128 MB for so much data is too little. */
const largeDatabase = 4_000_000_000;

/** What is known to be bad among the settings given. */
export function* judgeSettings(
  settings: readonly Setting[],
  { databaseBytes }: Pick<ServerSettings, 'databaseBytes'>,
): Generator<PageFinding | undefined> {
  const byName = new Map(settings.map(setting => [setting.name, setting]));
  for (const { name, severity, bad, effect, instead } of rules) {
    const setting = byName.get(name);
    if (!setting || !bad(setting.value)) continue;
    const text = `${name} is ${/^\d+$/.test(setting.value) ? number(Number(setting.value)) : setting.value}: ${effect}`;
    yield advised(severity === 'critical' ? critical(text) : attention(text), howTo(setting, instead));
  }
  for (const setting of settings.filter(({ name, value, standard, source }) => {
    return name.startsWith('enable_') && value === 'off' && standard === 'on' && source !== 'client';
  })) {
    yield advised(
      attention(`${setting.name} is off for everybody: the planner may not take what is often the best way`),
      howTo(setting, 'on'),
    );
  }
  yield* sized(byName, databaseBytes);
  yield withoutArchive(byName);
  yield waiting(settings);
}

function* sized(byName: ReadonlyMap<string, Setting>, databaseBytes: number) {
  const connections = byName.get('max_connections');
  if (connections && Number(connections.value) > manyConnections) {
    yield advised(
      attention(`max_connections is ${number(Number(connections.value))}: each idle backend costs memory and time`),
      'Put a pooler such as PgBouncer in front, in transaction mode; `/db pool` shows who holds connections',
    );
  }
  const buffers = byName.get('shared_buffers');
  if (buffers && buffers.value === buffers.standard && databaseBytes > largeDatabase) {
    yield advised(
      attention(`shared_buffers is the default of 128MB for a database of about ${bytes(databaseBytes)}`),
      'Usual is a quarter of the memory: `ALTER SYSTEM SET shared_buffers`, then restart the server',
    );
  }
}

function withoutArchive(byName: ReadonlyMap<string, Setting>): PageFinding | undefined {
  const [mode, command, library] = ['archive_mode', 'archive_command', 'archive_library'].map(name => byName.get(name));
  if (!mode || !command || mode.value === 'off') return undefined;
  // The server shows an empty archive_command as `(disabled)` only while archive_mode is off.
  const empty = command.value === '' && (library?.value ?? '') === '';
  return empty
    ? advised(
        attention('archive_mode is on without archive_command: WAL piles up until the disk is full'),
        'Set `archive_command`, or turn `archive_mode` off and restart the server',
      )
    : undefined;
}

function waiting(settings: readonly Setting[]): PageFinding | undefined {
  const names = settings.filter(({ pendingRestart }) => pendingRestart).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const verb = names.length === 1 ? 'was changed and waits' : 'were changed and wait';
  return advised(
    attention(`${count(names.length, 'setting')} ${verb} for a restart: ${names.join(', ')}`),
    'Restart the server in a quiet moment, or take the change back',
  );
}

/** The statement, and what makes it take effect. */
function howTo({ name, context }: Setting, value: string): string {
  const then = context === 'postmaster' ? 'restart the server' : '`SELECT pg_reload_conf()`';
  return `${code(`ALTER SYSTEM SET ${name} = ${value}`)}, then ${then}`;
}
