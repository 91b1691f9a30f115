import { describe, expect, test } from '@jest/globals';
import { backupOutcome, backupProgress, backupResult } from '../../blocks/backup.ts';

const now = new Date('2026-11-22T10:00:00Z');
const running = { action: 'A-1042', target: 'portal', now };

const steps = {
  phase: 'dumping',
  bytesDone: 412_000_000,
  bytesTotal: 1_300_000_000,
  tablesDone: 3,
  tablesTotal: 12,
  currentTables: ['public.users'],
  blockers: [],
  estimatedEnd: new Date('2026-11-22T10:00:41Z'),
} as const;

const manifest = {
  database: 'portal',
  server: { version: '17.4', standby: false },
  tool: { version: '17.4' },
  compression: 'zstd:1',
  jobs: 2,
  format: 'directory',
  partial: false,
  schemaOnly: false,
  note: null,
  encryption: null,
  verifications: [],
  copies: [],
  pinned: null,
  startedAt: now,
  takenAt: now,
  finishedAt: new Date('2026-11-22T10:00:04.200Z'),
  tables: [
    { rows: 1_600_000, bytes: 900_000_000 },
    { rows: 4_004, bytes: 100_000_000 },
  ],
  bytes: 155_000_000,
  sha256: 'ab12cd34'.repeat(8),
} as const;

describe('a running backup', () => {
  test('shows how far it is, what it reads now and when it will end', () => {
    expect(backupProgress(steps, running).text).toBe(
      'Backing up portal: 31.6 %, 412 MB of 1.3 GB, tables 3 of 12\nNow `public.users`\nAbout 41 s left',
    );
  });

  test('has a Cancel button that carries the action’s id and asks first', () => {
    const block = backupProgress(steps, running).blocks.find(({ type }) => type === 'actions');
    expect(block).toMatchObject({
      elements: [
        { action_id: 'cancel', value: 'A-1042', style: 'danger', confirm: { title: { text: 'Cancel this backup?' } } },
      ],
    });
  });

  test('says who is in its way', () => {
    const blockers = [
      { pid: 4711, application: 'nightly-alter' },
      { pid: 0, application: null },
    ];
    expect(backupProgress({ ...steps, blockers }, running).text).toContain(
      'Waits for a lock behind backend 4711 (`nightly-alter`), a prepared transaction',
    );
  });

  test('of an empty database is at 0 %, not at nothing divided by nothing', () => {
    const empty = { ...steps, bytesDone: 0, bytesTotal: 0, tablesDone: 0, tablesTotal: 0 };
    expect(backupProgress(empty, running).text).toContain('0 %, 0 B of 0 B');
  });
});

/** A backup of the living database, that nobody has verified. */
const shown = (facts: Omit<Parameters<typeof backupResult>[0], 'actionId' | 'recovered'>) =>
  backupResult({ ...facts, actionId: 'A-1042', recovered: false });

describe('a complete backup', () => {
  const view = shown({ directory: '/var/backups/portal/20261122T100000Z-A-1042', manifest });

  test('is said so first, with size and time, then rows, checksum, place and the way back', () => {
    expect(view.text).toBe(
      [
        'Backup complete: 155 MB in 4.2 s',
        '1,604,004 rows in 2 tables, SHA-256 ab12cd34ab12…',
        'In /var/backups/portal/20261122T100000Z-A-1042',
        'Prove it: `/db verify A-1042`',
        'Restore by hand: createdb portal_restored &amp;&amp; pg_restore --exit-on-error --jobs=2 --dbname=portal_restored /var/backups/portal/20261122T100000Z-A-1042/dump',
      ].join('\n'),
    );
    expect(JSON.stringify(view.blocks)).toContain(manifest.sha256);
    expect(JSON.stringify(view.blocks)).toContain('238 MB/s');
  });

  test('leads on: one of the living database is proved, one of a recovered database put back in place', () => {
    const linesOf = (own: { readonly partial?: boolean; readonly schemaOnly?: boolean }, recovered: boolean) =>
      JSON.stringify(
        backupResult({ directory: '/b', manifest: { ...manifest, ...own }, actionId: 'A-1042', recovered }).blocks,
      );
    expect(linesOf({}, false)).toContain('"A-1042 verify A-1042"');
    expect(linesOf({}, false)).not.toContain('restore A-1042');
    expect(linesOf({}, true)).toContain('"A-1042 restore A-1042"');
    expect(linesOf({ partial: true }, true)).not.toContain('"A-1042 restore A-1042"');
    expect(linesOf({ partial: true }, true)).toContain('/db restore A-1042 --tables');
    expect(linesOf({ schemaOnly: true }, true)).not.toContain('restore A-1042');
  });

  test('of some tables says what is missing from it', () => {
    const partial = { directory: '/b', manifest: { ...manifest, partial: true } };
    expect(shown(partial).text).toContain('Only the named tables are in it');
    expect(backupOutcome(partial)).toMatch(/^backup of some tables complete/);
    expect(view.text).not.toContain('Only the named tables');
  });

  test('of definitions alone speaks of no rows', () => {
    const schema = { directory: '/b', manifest: { ...manifest, schemaOnly: true } };
    const ofSchema = shown(schema);
    expect(ofSchema.text).toContain('definitions of 2 tables, SHA-256');
    expect(ofSchema.text).toContain('no row of any table');
    expect(JSON.stringify(ofSchema)).not.toMatch(/1,604,004|MB\/s/);
    expect(backupOutcome(schema)).toBe(
      'backup of definitions complete: 155 MB in 4.2 s, 2 tables, SHA-256 ab12cd34ab12…',
    );
  });

  test('as SQL is restored by gunzip and psql, which stop at the first error', () => {
    const plain = { directory: '/b', manifest: { ...manifest, format: 'plain', note: 'before\n<!channel>' } as const };
    const { text } = shown(plain);
    expect(text).toContain(
      'gunzip --stdout /b/dump/dump.sql.gz | psql --no-psqlrc --single-transaction --set=ON_ERROR_STOP=1',
    );
    expect(text).toContain('Note: before &lt;!channel&gt;');
    expect(backupOutcome(plain)).toMatch(/^backup as SQL complete/);
  });

  test('leaves one sentence for the record', () => {
    expect(backupOutcome({ directory: '/b', manifest })).toBe(
      'backup complete: 155 MB in 4.2 s, 2 tables, 1,604,004 rows, SHA-256 ab12cd34ab12…',
    );
  });

  test('can be restored whatever the names: they are quoted for the shell', () => {
    const odd = shown({ directory: "/b/it's; rm -rf /", manifest: { ...manifest, database: 'my db' } });
    expect(JSON.stringify(odd.blocks.at(-1))).toContain(
      String.raw`createdb 'my db_restored' && pg_restore --exit-on-error --jobs=2 --dbname='my db_restored' '/b/it'\\''s; rm -rf //dump'`,
    );
  });
});

test.each(['<!channel>', '<@U0BEN>', '&amp;', '`*_~', ''])('nothing in a name acts: %j', name => {
  const views = [
    backupProgress(
      { ...steps, currentTables: [name], blockers: [{ pid: 1, application: name }] },
      { ...running, target: name },
    ),
    shown({
      directory: name,
      manifest: {
        ...manifest,
        database: name,
        compression: name,
        server: { version: name, standby: true },
        tool: { version: name },
      },
    }),
  ];
  for (const { text, blocks } of views) {
    const mrkdwn = [
      text,
      ...blocks.filter(({ type }) => type !== 'rich_text').map(block => JSON.stringify(block)),
    ].join();
    expect(mrkdwn).not.toMatch(/<[!@]channel|<@U0BEN/);
  }
});

describe('an encrypted backup with a copy elsewhere', () => {
  const encryption = { recipients: ['age1one', 'age1two'] };
  const directory = '/var/backups/portal/20261122T100000Z-A-7';
  const remote = 'offsite:kept/portal/20261122T100000Z-A-7';

  test('says so, in the answer and in the record, and shows how to decrypt it by hand', () => {
    const facts = { directory, manifest: { ...manifest, encryption }, copy: { remote, problem: null } };
    const { text } = shown(facts);
    expect(text).toContain('encrypted with age to 2 keys');
    expect(text).toContain(`Copied to ${remote}, compared there`);
    expect(text).toContain('age --decrypt --identity "$IDENTITY"');
    expect(backupOutcome(facts)).toMatch(/, encrypted, copied to offsite:kept\/portal\//);
  });

  test('without its copy it is complete all the same: why, and what to type', () => {
    const facts = { directory, manifest, copy: { remote, problem: 'The remote is away & out.' } };
    expect(shown(facts).text).toContain(
      'there is no copy of it elsewhere. The remote is away &amp; out. Try again with `/db backup-copy 20261122T100000Z-A-7`.',
    );
    expect(backupOutcome(facts)).toContain('NOT copied: The remote is away & out.');
  });

  test('its progress counts the bytes of files, and cancelling a copy does not say that the backup is lost', () => {
    const view = backupProgress({ ...steps, phase: 'copying', currentTables: [], estimatedEnd: undefined }, running);
    expect(view.text).toBe('Copying the backup of portal: 31.6 %, 412 MB of 1.3 GB');
    expect(JSON.stringify(view.blocks)).toContain('The backup itself is complete and stays.');
  });
});
