import { expect, test } from '@jest/globals';
import status from '../../commands/status.ts';
import type { ReadServices } from '../../src/command.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import { statusReader } from '../../src/postgres/status.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { quietStatus } from '../postgres/quiet-status.ts';

const now = new Date('2026-11-22T12:00:00Z');
const takenAt = new Date('2026-11-19T12:00:00Z');
const thresholds = thresholdsSchema.parse({});

/** Only what the command may need; anything else it reached for would be undefined. */
const services = {
  action: { id: 'A-1042', requester: 'UADA', reason: undefined, typed: 'status' },
  target: { name: 'portal', thresholds },
  backups: { list: async () => ({ backups: [], broken: [], latest: { takenAt, bytes: 1_000_000 } }) },
  status: statusReader(
    {
      ask: async question => [question.row.parse({ status: quietStatus })],
      version: async () => 170_004,
      ownPids: () => new Set(),
      connection: parseConnectionUrl('postgresql://bot@db.example/portal'),
    },
    thresholds,
  ),
  now: () => now,
} as unknown as ReadServices;

test('status looks at the server and at the last backup, and is judged by both', async () => {
  const { view, outcome } = await status.run({}, services);
  expect(outcome).toBe('critical: the last backup is 3 d old (critical from 2 d 2 h)');
  expect(view.text).toMatch(/^🔴 portal is critical\n🔴 the last backup is 3 d old/);
  expect(JSON.stringify(view.blocks)).toContain('"value":"A-1042"');
});

test('status only reads', () => {
  expect(status.risk).toBe('read');
});
