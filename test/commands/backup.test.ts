import { expect, test } from '@jest/globals';
import command from '../../commands/backup.ts';
import type { BackupRequest, BackupWriter } from '../../src/backups/backups.ts';
import type { RoutineServices, View } from '../../src/command.ts';
import { manifestOf } from '../backups/manifests.ts';

const startedAt = new Date('2026-11-22T10:00:00Z');
const manifest = manifestOf({
  action: 'A-1042',
  takenAt: startedAt,
  finishedAt: new Date('2026-11-22T10:00:02Z'),
  files: [],
  bytes: 9_000,
  sha256: 'b'.repeat(64),
});

/** What `/db backup` did when ada typed it: the request, what she saw on the way, and the answer. */
async function adaTypes(typed: { tables?: string[]; note?: string }) {
  const args = { tables: [], schemaOnly: false, plain: false, ...typed };
  const seen: View[] = [];
  const requests: BackupRequest[] = [];
  const signal = new AbortController().signal;
  const backups: Pick<BackupWriter, 'take'> = {
    take: async (request, options) => {
      requests.push(request);
      expect(options.signal).toBe(signal);
      options.progress({
        phase: 'dumping',
        bytesDone: 1,
        bytesTotal: 2,
        tablesDone: 0,
        tablesTotal: 1,
        currentTables: [],
        blockers: [],
        startedAt,
        estimatedEnd: undefined,
      });
      return { directory: '/var/backups/portal/x', manifest };
    },
  };
  const services = {
    action: { id: 'A-1042', requester: 'U0ADA', reason: 'before the migration', typed: 'backup' },
    target: { name: 'portal' },
    backups,
    signal,
    now: () => startedAt,
    progress: (view: View) => void seen.push(view),
  };
  const answer = await command.run(args, services as unknown as RoutineServices);
  return { answer, requests, seen };
}

test('/db backup asks for the whole database in the name of the person and the action', async () => {
  const { answer, requests, seen } = await adaTypes({});
  expect(requests).toEqual([
    {
      actionId: 'A-1042',
      requester: 'U0ADA',
      reason: 'before the migration',
      note: undefined,
      tables: [],
      schemaOnly: false,
      plain: false,
    },
  ]);
  expect(seen[0]?.text).toBe('Backing up portal: 50 %, 1 B of 2 B, tables 0 of 1');
  expect(answer.view.text).toContain('Backup complete: 9 kB in 2 s');
  expect(answer.outcome).toMatch(/^backup complete: 9 kB in 2 s, 1 table, 40 rows, SHA-256 b+…$/);
});

test('/db backup --note hands the note on', async () => {
  const { requests } = await adaTypes({ note: 'before migration' });
  expect(requests[0]?.note).toBe('before migration');
});

test('/db backup --tables asks for those', async () => {
  const { requests } = await adaTypes({ tables: ['users', '"Weird Table"'] });
  expect(requests[0]?.tables).toEqual(['users', '"Weird Table"']);
});
