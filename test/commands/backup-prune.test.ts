import { expect, test } from '@jest/globals';
import prune from '../../commands/backup-prune.ts';
import type { ReadServices } from '../../src/command.ts';
import { backupOf } from '../backups/manifests.ts';

test('the newest good one that is kept is the one that `latest` means, not one of another database', async () => {
  const day = (date: string) => ({ takenAt: new Date(`2026-11-${date}T10:00:00Z`), action: `A-${date}` });
  const good = { complete: true, good: true, expiresAt: undefined };
  const before = backupOf({ ...day('22'), database: 'portal_before' });
  const latest = backupOf(day('21'));
  const backups = [
    { ...before, ...good, passedOver: 'database', keptFor: ['newest'] },
    { ...latest, ...good, passedOver: undefined, keptFor: ['newest'] },
    { ...backupOf(day('20')), ...good, passedOver: undefined, keptFor: [] },
  ];
  const catalogue = { read: async () => ({ directory: '/var/backups/portal', backups }) };
  const plan = await prune.plan({}, { catalogue } as unknown as ReadServices);
  expect(plan.newestGood?.name).toBe(latest.name);
});
