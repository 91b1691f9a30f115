import { describe, expect, test } from '@jest/globals';
import { isGood, whyNotLatest } from '../../src/backups/good-backup.ts';
import { findGaps, judgeCatalogue } from '../../src/backups/judge-catalogue.ts';
import type { Manifest, VerificationLevel } from '../../src/backups/manifest.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';
import { backupOf, verification } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const thresholds = thresholdsSchema.parse({});
const backups = {
  timeZone: 'UTC',
  retention: { days: 30, daily: 0, weekly: 0, monthly: 0, atLeast: 1 },
  hashTables: [],
};
const settings = { thresholds, backups };
const nightly = { cron: '0 2 * * *', timeZone: 'UTC' };

/** Of so many hours ago, and proved restorable an hour ago, unless told otherwise. */
function aged(hours: number, own: Partial<Manifest> = {}, complete = true) {
  const takenAt = new Date(now.getTime() - hours * 3_600_000);
  const backup = backupOf({ action: `A-${hours}`, takenAt, verifications: [verification()], ...own });
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
  return judgeCatalogue({ backups, broken }, { ...settings, schedule }, now).map(
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
    judgeCatalogue({ backups: [aged(33)], broken: [] }, { ...settings, schedule: nightly }, new Date(text));
  expect(thisMorning('2026-11-22T02:59:59Z')).toEqual([]);
  expect(thisMorning('2026-11-22T03:00:00Z')).toEqual([
    expect.objectContaining({ text: expect.stringContaining('1 scheduled backup is missing') }),
  ]);
});

test('the newest good one without a copy where copies belong is told, whatever older ones have', () => {
  const judged = (...backups: ReturnType<typeof aged>[]) =>
    judgeCatalogue({ backups, broken: [] }, { ...settings, offsite: { remote: 'offsite:kept' } }, now);
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

describe('whether the newest good one comes back', () => {
  const upTo = (level: VerificationLevel, days = 0) =>
    verification({ level, startedAt: new Date(now.getTime() - days * 86_400_000) });

  test('is told where no verification has restored it, whatever older ones have been through', () => {
    for (const verifications of [[], [upTo('files')], [upTo('readable')]]) {
      const newest = aged(1, { verifications });
      expect(found([newest, aged(9)])).toEqual([
        `attention: the newest good backup ${newest.name} was never proved restorable`,
      ]);
    }
    expect(found([aged(1, { verifications: [upTo('restored')] })])).toEqual([]);
  });

  test('is told where it was restored long ago, by the threshold of the target', () => {
    const proved = (days: number) => found([aged(1, { verifications: [upTo('counts', days)] })]);
    expect(proved(7)).toEqual([]);
    expect(proved(9)).toEqual(['attention: the newest good backup was proved restorable 9 d ago (attention from 8 d)']);
    expect(proved(40)).toEqual([
      'critical: the newest good backup was proved restorable 40 d ago (critical from 32 d)',
    ]);
    const strict = {
      ...settings,
      thresholds: thresholdsSchema.parse({ verificationAgeHours: { attention: 1, critical: 2 } }),
    };
    expect(judgeCatalogue({ backups: [aged(1)], broken: [] }, strict, new Date('2026-11-22T12:30:00Z'))).toMatchObject([
      { severity: 'attention', advice: expect.stringContaining('/db verify latest') },
    ]);
  });

  test('is left to others where the bot has no private key for it', () => {
    const encryption = { tool: 'age' as const, recipients: ['age1'] };
    const newest = [aged(1, { verifications: [], encryption })];
    expect(found(newest)).toEqual([]);
    const withKey = { ...settings, backups: { ...backups, ageIdentityFile: '/etc/age.txt' } };
    expect(judgeCatalogue({ backups: newest, broken: [] }, withKey, now)).toHaveLength(1);
  });
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
