import { expect, test } from '@jest/globals';
import { UserError } from '../../src/errors.ts';
import { physicalReader, setsOf } from '../../src/physical/sets.ts';
import type { Pgbackrest } from '../../src/tools/pgbackrest.ts';
import { explainPgbackrest } from '../../src/tools/pgbackrest-errors.ts';
import { parseInfo, type StanzaInfo, stanzaProblem } from '../../src/tools/pgbackrest-info.ts';

/** What 2.45 prints of a full set, and 2.55 of a differential one whose blocks are shared. */
const full = {
  archive: { start: '000000010000000000000002', stop: '000000010000000000000003' },
  backrest: { format: 5, version: '2.45' },
  database: { id: 1, 'repo-key': 1 },
  error: false,
  info: { delta: 22_992_584, repository: { delta: 2_978_741, size: 2_978_741 }, size: 22_992_584 },
  label: '20261122-020000F',
  lsn: { start: '0/2000028', stop: '0/3000050' },
  prior: null,
  reference: null,
  timestamp: { start: 1_795_312_800, stop: 1_795_312_810 },
  type: 'full',
};
const diff = {
  ...full,
  annotation: { by: 'ada' },
  archive: { start: '000000010000000000000008', stop: '000000010000000000000008' },
  info: { delta: 1_000, repository: { delta: 400, 'delta-map': 80 }, size: 23_000_000 },
  label: '20261122-020000F_20261123-020000D',
  prior: '20261122-020000F',
  timestamp: { start: 1_795_399_200, stop: 1_795_399_203 },
  type: 'diff',
};

function info(changes: Record<string, unknown> = {}): StanzaInfo {
  const stanza = {
    archive: [
      {
        database: { id: 1, 'repo-key': 1 },
        id: '15-1',
        max: '00000001000000000000000A',
        min: '000000010000000000000001',
      },
    ],
    backup: [full, diff],
    cipher: 'none',
    db: [{ id: 1, 'repo-key': 1, 'system-id': 771_116_734, version: '15' }],
    name: 'portal',
    repo: [{ cipher: 'none', key: 1, status: { code: 0, message: 'ok' } }],
    status: { code: 0, lock: { backup: { held: false } }, message: 'ok' },
    ...changes,
  };
  return parseInfo(JSON.stringify([{ ...stanza, name: 'another' }, stanza], undefined, 0), 'portal')!;
}

test('sets come newest first, and one can go back from the second after the oldest was complete', () => {
  const { sets, from, lastWal } = setsOf(info());
  expect(sets.map(({ label, type, repositoryBytes, prior }) => [label, type, repositoryBytes, prior])).toEqual([
    ['20261122-020000F_20261123-020000D', 'diff', 400, '20261122-020000F'],
    ['20261122-020000F', 'full', 2_978_741, undefined],
  ]);
  expect(from).toEqual(new Date(1_795_312_811_000));
  expect(lastWal).toBe('00000001000000000000000A');
});

test('a set that is damaged, whose WAL is gone, or that is of an older cluster opens no moment', () => {
  const later = new Date(1_795_399_204_000);
  expect(setsOf(info({ backup: [{ ...full, error: true }, diff] }))).toMatchObject({
    from: later,
    sets: [{ damaged: false }, { damaged: true }],
  });
  const archive = [{ database: { id: 1 }, min: '000000020000000000000003', max: '00000002000000000000000A' }];
  expect(setsOf(info({ archive })).from).toEqual(later);
  expect(setsOf(info({ backup: [{ ...full, database: { id: 0 } }, diff] })).from).toEqual(later);
  expect(setsOf(info({ backup: [] }))).toMatchObject({ sets: [], from: undefined });
});

test('a stanza that was never made, or a repository that cannot be read, is told in its own words', () => {
  expect(stanzaProblem(info())).toBeUndefined();
  expect(stanzaProblem(info({ status: { code: 2, message: 'no valid backups' } }))).toBeUndefined();
  expect(stanzaProblem(info({ status: { code: 1, message: 'missing stanza path' } }))).toMatch(/stanza-create/);
  const repo = [
    { key: 1, status: { code: 99, message: '[PathOpenError] unable to list /repo: [13] Permission denied' } },
  ];
  expect(stanzaProblem(info({ status: { code: 99, message: 'other' }, repo }))).toContain('Permission denied');
});

test('what pgBackRest ends with is said in our words and its own, without its hints', () => {
  const complaints = [
    "ERROR: [050]: unable to acquire lock on file '/locks/portal.lock'",
    '       HINT: is another running?',
  ];
  const error = explainPgbackrest('take the backup', { failed: true, exitCode: 50, signal: undefined, complaints });
  expect(error.message).toBe(
    "Another pgBackRest works on this stanza now. It ended with code 50: ERROR: [050]: unable to acquire lock on file '/locks/portal.lock'",
  );
  const unknown = explainPgbackrest('take the backup', {
    failed: true,
    exitCode: 39,
    signal: undefined,
    complaints: ['?'],
  });
  expect(unknown.message).toBe('pgBackRest could not take the backup. It ended with code 39: ?');
});

test('the range is from the oldest set to what was archived last; without either it says what is missing', async () => {
  const { signal } = new AbortController();
  const reader = (found: StanzaInfo) => physicalReader({ info: async () => found } as unknown as Pgbackrest, signal);
  const to = new Date('2026-11-25T00:00:00Z');
  expect(await reader(info()).range(to)).toEqual({ from: new Date(1_795_312_811_000), to });
  expect(await reader(info()).range(null)).toEqual({ problem: 'not known: no WAL was archived since the oldest set' });
  expect((await reader(info({ backup: [] })).range(to)).problem).toContain('`/db backup --physical full` makes one');
  expect((await physicalReader(undefined, signal).range(to)).problem).toContain('no pgBackRest is configured');
  expect(await physicalReader(undefined, signal).known()).toBeUndefined();
  const away = { info: () => Promise.reject(new UserError('no right to read it')) } as unknown as Pgbackrest;
  expect(await physicalReader(away, signal).known()).toEqual({ problem: 'no right to read it' });
  expect(await physicalReader(away, signal).range(to)).toEqual({ problem: 'not known: no right to read it' });
  await expect(physicalReader(undefined, signal).sets()).rejects.toThrow('There is no pgBackRest for this target');
});
