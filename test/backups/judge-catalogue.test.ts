import { expect, test } from '@jest/globals';
import { findGaps, judgeCatalogue } from '../../src/backups/judge-catalogue.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { backupOf, verification } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const thresholds = thresholdsSchema.parse({});
const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };

function aged(hours: number, own: Partial<Manifest> = {}, { good = true, complete = true } = {}) {
  const takenAt = new Date(now.getTime() - hours * 3_600_000);
  return { ...backupOf({ action: `A-${hours}`, takenAt, ...own }), good, complete };
}

function found(
  backups: ReturnType<typeof aged>[],
  schedule?: typeof nightly,
  broken: { name: string; problem: string }[] = [],
) {
  return judgeCatalogue({ backups, broken }, { thresholds, schedule }, now).map(
    ({ severity, text }) => `${severity}: ${text}`,
  );
}

test('a fresh good backup is well, whatever else there is', () => {
  expect(found([aged(1, { partial: true }, { good: false }), aged(9)], nightly)).toEqual([]);
});

test('none at all, and none that is good, are critical', () => {
  expect(found([])).toEqual(['critical: there is no backup of the whole database']);
  const bad = { verifications: [verification({ problem: 'cut off' })] };
  expect(found([aged(1, bad, { good: false })])[0]).toBe('critical: there is no good backup of the whole database');
});

test('the age is judged by the threshold, and by the schedule', () => {
  expect(found([aged(30)], nightly)).toEqual([
    'attention: the newest good backup is 1 d 6 h old (attention from 1 d 2 h)',
    'attention: 1 scheduled backup is missing, the last was due 2026-11-22 02:00 UTC',
  ]);
  expect(found([aged(60)])[0]).toMatch(/^critical: the newest good backup is 2 d 12 h old/);
});

test('the newest one that failed or lost files is critical, though an older one is good', () => {
  const failed = aged(2, { verifications: [verification({ problem: 'a file differs' })] }, { good: false });
  expect(found([failed, aged(9)])).toEqual([
    `critical: the newest backup ${failed.name} failed its verification: a file differs`,
  ]);
  const lacking = aged(2, {}, { good: false, complete: false });
  expect(found([lacking, aged(9)])[0]).toBe(
    `critical: the newest backup ${lacking.name} lacks files, or they have another size`,
  );
});

test('folders that cannot be read are named', () => {
  expect(found([aged(1)], undefined, [{ name: 'x', problem: 'manifest.json is missing' }])).toEqual([
    'attention: x is no backup that can be read: manifest.json is missing',
  ]);
});

test('a gap is a stretch without a good backup, longer than one may be old', () => {
  const backups = [aged(1), aged(25), aged(40, {}, { good: false }), aged(90)];
  expect(findGaps(backups, thresholds)).toEqual([
    { from: backups[3]!.manifest.takenAt, to: backups[1]!.manifest.takenAt },
  ]);
});
