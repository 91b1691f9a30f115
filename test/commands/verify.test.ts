import { expect, test } from '@jest/globals';
import command from '../../commands/verify.ts';
import type { VerificationReport } from '../../src/backups/verification.ts';
import type { RoutineServices } from '../../src/command.ts';

const noKey = 'The backup is encrypted, and the bot knows no private key for it.';
const files = {
  name: 'Files',
  level: 'files',
  optional: false,
  outcome: 'passed',
  milliseconds: 20,
  said: 'Fine.',
} as const;
const skipped = {
  ...files,
  name: 'Readable',
  level: 'readable',
  outcome: 'skipped',
  said: noKey,
  hint: 'Name it.',
} as const;

/** What `/db verify` answers to such a report. */
function answerTo(own: Partial<VerificationReport>) {
  const report: VerificationReport = {
    backup: '20261122T020000Z-A-1042',
    database: 'portal',
    takenAt: new Date('2026-11-22T02:00:00Z'),
    level: 'files',
    wanted: 'contents',
    problem: null,
    steps: [files],
    place: undefined,
    notes: [],
    milliseconds: 4_200,
    ...own,
  };
  const services = {
    action: { id: 'A-1050' },
    verifications: { verify: async () => report },
    signal: new AbortController().signal,
  };
  return command.run({ backup: 'latest', level: report.wanted }, services as unknown as RoutineServices);
}

test('one that does not come to a restore with its rows counted fails, and says so first, with the reason', async () => {
  const { view, outcome, failed } = await answerTo({ steps: [files, skipped] });
  expect(failed).toBe(true);
  expect(outcome).toBe(`20261122T020000Z-A-1042 NOT proved restorable, level files of contents: ${noKey} (4.2 s)`);
  expect(view.text).toMatch(
    new RegExp(`^🟡 NOT proved restorable: ${noKey}\nLevel contents not reached.*\\(files\\)\\.\n→ Name it\\.`),
  );
});

test('nor is a restore proof enough whose rows were not counted', async () => {
  const counts = { ...skipped, name: 'Row counts', level: 'counts', said: 'The server went away.' } as const;
  expect(await answerTo({ level: 'restored', steps: [files, counts] })).toMatchObject({
    failed: true,
    outcome: expect.stringContaining('NOT proved restorable, level restored of contents: The server went away.'),
  });
});

test('one whose rows were counted is well, whatever more could not be looked at', async () => {
  const checks = { ...skipped, name: 'Checks', level: 'contents', said: 'No amcheck there.' } as const;
  const { view, outcome, failed } = await answerTo({ level: 'counts', steps: [files, checks] });
  expect(failed).toBeUndefined();
  expect(outcome).toContain('verified, level counts of contents');
  expect(view.text).toMatch(/^🟡 Verified: .*\(counts\)/);
});

test('one that was asked for less is well, and its first line says what that does not prove', async () => {
  const { view, failed } = await answerTo({ wanted: 'files' });
  expect(failed).toBeUndefined();
  expect(view.text).toMatch(/^🟢 Verified: .*\(files\), in 4\.2 s\. NOT proved restorable: no more was asked for\n/);
});
