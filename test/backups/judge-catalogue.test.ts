import { expect, test } from '@jest/globals';
import { isGood, whyNotLatest } from '../../src/backups/good-backup.ts';
import { findGaps, judgeCatalogue } from '../../src/backups/judge-catalogue.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { backupOf, verification } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const thresholds = thresholdsSchema.parse({});
const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };

function aged(hours: number, own: Partial<Manifest> = {}, complete = true) {
  const takenAt = new Date(now.getTime() - hours * 3_600_000);
  const backup = backupOf({ action: `A-${hours}`, takenAt, ...own });
  const { manifest } = backup;
  const passedOver =
    whyNotLatest(manifest, { target: 'portal', database: 'portal' }) ??
    (complete ? undefined : ('incomplete' as const));
  return { ...backup, good: complete && isGood(manifest), passedOver, complete };
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
  expect(found([aged(1, { partial: true }), aged(9)], nightly)).toEqual([]);
});

test('none at all, and none that is good, are critical', () => {
  expect(found([])).toEqual(['critical: there is no backup of the whole database']);
  const bad = { verifications: [verification({ problem: 'cut off' })] };
  expect(found([aged(1, bad)])[0]).toBe('critical: there is no good backup of the whole database');
});

test('the age is judged by the threshold, and by the schedule', () => {
  expect(found([aged(30)], nightly)).toEqual([
    'attention: the newest good backup is 1 d 6 h old (attention from 1 d 2 h)',
    'attention: 1 scheduled backup is missing, the last was due 2026-11-22 02:00 UTC',
  ]);
  expect(found([aged(60)])[0]).toMatch(/^critical: the newest good backup is 2 d 12 h old/);
});

test('a scheduled backup that may still be under way is not missing yet', () => {
  const thisMorning = (text: string) =>
    judgeCatalogue({ backups: [aged(33)], broken: [] }, { thresholds, schedule: nightly }, new Date(text));
  expect(thisMorning('2026-11-22T02:59:59Z')).toEqual([]);
  expect(thisMorning('2026-11-22T03:00:00Z')).toEqual([
    expect.objectContaining({ text: expect.stringContaining('1 scheduled backup is missing') }),
  ]);
});

test('the newest good one without a copy where copies belong is told, whatever older ones have', () => {
  const judged = (...backups: ReturnType<typeof aged>[]) =>
    judgeCatalogue({ backups, broken: [] }, { thresholds, offsite: { remote: 'offsite:kept' } }, now);
  const copied = (hours: number, remote: string) => {
    const { name } = aged(hours);
    return aged(hours, { copies: [{ remote: `${remote}/portal/${name}`, at: now }] });
  };
  const partial = aged(1, { partial: true });
  expect(judged(partial, copied(2, 'offsite:kept'), aged(9))).toEqual([]);
  const newest = copied(2, 'offsite:kept-before');
  expect(judged(newest, copied(9, 'offsite:kept'))).toMatchObject([
    {
      severity: 'attention',
      text: `the newest good backup ${newest.name} has no copy at offsite:kept yet`,
      advice: expect.stringContaining('/db backup-copy latest'),
    },
  ]);
});

test('the newest one that failed or lost files is critical, though an older one is good', () => {
  const failed = aged(2, { verifications: [verification({ problem: 'a file differs' })] });
  expect(found([failed, aged(9)])).toEqual([
    `critical: the newest backup ${failed.name} failed its verification: a file differs`,
  ]);
  const lacking = aged(2, {}, false);
  expect(found([lacking, aged(9)])[0]).toBe(
    `critical: the newest backup ${lacking.name} lacks files, or they have another size`,
  );
});

test('what a restore replaced, and what was copied here from another target, are no backup of what there should be one', () => {
  const others = [aged(1, { safety: true }), aged(2, { target: 'staging' })];
  expect(found([...others, aged(60)], nightly)[0]).toMatch(/^critical: the newest good backup is 2 d 12 h old/);
  expect(found(others)).toEqual(['critical: there is no backup of the whole database']);
});

test('one that is dated ahead of the bot’s clock is told: its age would say that all is well for so long', () => {
  expect(found([aged(-1)])).toEqual([]);
  const ahead = aged(-72);
  expect(found([ahead, aged(9)])).toEqual([
    `attention: the newest good backup ${ahead.name} is dated 3 d ahead of the bot’s clock`,
  ]);
});

test('folders that cannot be read are named', () => {
  expect(found([aged(1)], undefined, [{ name: 'x', problem: 'manifest.json is missing' }])).toEqual([
    'attention: x is no backup that can be read: manifest.json is missing',
  ]);
});

test('a gap is a stretch without a good backup, longer than one may be old', () => {
  const backups = [aged(1), aged(25), aged(40, {}, false), aged(41, { target: 'staging' }), aged(90)];
  expect(findGaps(backups, thresholds)).toEqual([
    { from: backups[4]!.manifest.takenAt, to: backups[1]!.manifest.takenAt },
  ]);
});

test.each([{ database: 'portal_before' }, { target: 'staging' }])('a backup of %j closes no gap', other => {
  expect(findGaps([aged(1), aged(31, other), aged(61)], thresholds)).toHaveLength(1);
});
