import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RetainedBackup } from '../../src/backups/completeness.ts';
import type { Manifest } from '../../src/backups/manifest.ts';
import { planRetention } from '../../src/backups/retention.ts';
import type { RetentionPolicy } from '../../src/target-settings.ts';
import { backupOf, verification } from './manifests.ts';

const now = new Date('2026-11-22T12:00:00Z');
const day = 86_400_000;
const policy: RetentionPolicy = { days: 30, daily: 0, weekly: 0, monthly: 0, atLeast: 1 };

/** A backup whose data is so many days old. */
function aged(days: number, own: Partial<Manifest> = {}, complete = true): RetainedBackup {
  const takenAt = new Date(now.getTime() - days * day);
  return { ...backupOf({ action: `A-${Math.round(days * 10)}`, takenAt, ...own }), complete };
}

/** `A-…` of the backups that are kept, with the reasons. */
function kept(backups: readonly RetainedBackup[], own: Partial<RetentionPolicy> = {}, timeZone = 'UTC') {
  const { keep } = planRetention(backups, { ...policy, ...own }, now, timeZone);
  return Object.fromEntries(keep.map(({ backup, reasons }) => [backup.manifest.action, reasons.join(', ')]));
}

describe('what is kept', () => {
  test('is younger than so many days, to the millisecond', () => {
    const just = 30 - 1 / day;
    const backups = [aged(1), aged(just, { action: 'A-just' }), aged(30)];
    expect(kept(backups)).toEqual({ 'A-10': 'young, newest', 'A-just': 'young' });
  });

  test('and the newest of each day, week and month, in the time zone of the settings', () => {
    const taken = (text: string) => aged(0, { action: text, takenAt: new Date(`2026-${text}:00Z`) });
    const backups = ['11-22T01:00', '11-21T23:30', '11-21T01:00', '11-15T01:00', '10-31T23:30', '10-02T01:00'].map(
      taken,
    );
    const own = { days: 1, daily: 2, weekly: 2, monthly: 2, atLeast: 1 };
    const today = { ...own, days: 0.1 };
    expect(kept(backups, today)).toEqual({
      '11-22T01:00': 'daily, weekly, monthly, newest',
      '11-21T23:30': 'daily',
      '11-15T01:00': 'weekly',
      '10-31T23:30': 'monthly',
    });
    // In Berlin, 23:30 UTC is half past midnight of the next day, and of the next month.
    expect(kept(backups, today, 'Europe/Berlin')).toEqual({
      '11-22T01:00': 'daily, weekly, monthly, newest',
      '11-21T01:00': 'daily',
      '11-15T01:00': 'weekly',
      '10-02T01:00': 'monthly',
    });
  });

  test('a week begins on Monday', () => {
    // 2026-11-16 is a Monday.
    const taken = (text: string) => aged(0, { action: text, takenAt: new Date(`2026-${text}:00Z`) });
    const backups = ['11-16T00:30', '11-15T23:30', '11-09T12:00'].map(taken);
    expect(Object.keys(kept(backups, { days: 0.1, weekly: 2 }))).toEqual(['11-16T00:30', '11-15T23:30']);
  });

  test('a day without a backup counts for none: an outage takes nothing away', () => {
    expect(Object.keys(kept([aged(100), aged(200), aged(300)], { daily: 2 }))).toEqual(['A-1000', 'A-2000']);
  });

  test('the newest good ones, whatever their age', () => {
    const backups = [
      aged(40, { partial: true }),
      aged(41, { schemaOnly: true }),
      aged(42, { format: 'plain' }),
      aged(43, { verifications: [verification({ problem: 'a file differs' })] }),
      aged(44, {}, false),
      aged(45),
      aged(46),
    ];
    expect(kept(backups)).toEqual({ 'A-450': 'newest' });
  });

  test('and the newest that were verified, though newer ones were not', () => {
    const backups = [aged(50), aged(60), aged(70, { verifications: [verification()] })];
    expect(kept(backups)).toEqual({ 'A-500': 'newest', 'A-700': 'newest verified' });
  });

  test('only a restore verifies: with a lost key, those that were restored stay beside ones whose files are right', () => {
    const upTo = (level: 'files' | 'readable' | 'restored') => ({ verifications: [verification({ level })] });
    const backups = [aged(50, upTo('files')), aged(60, upTo('readable')), aged(70, upTo('restored')), aged(80)];
    expect(kept(backups)).toEqual({ 'A-500': 'newest', 'A-700': 'newest verified' });
  });

  test('one that was restored once and only looked at since is still verified', () => {
    const verifications = [verification({ level: 'counts' }), verification({ level: 'files' })];
    expect(kept([aged(50), aged(60, { verifications })])).toEqual({ 'A-500': 'newest', 'A-600': 'newest verified' });
  });

  test('a pinned one, for ever, even when it is damaged', () => {
    const pinned = { by: 'U0ADA', at: now, reason: null };
    expect(kept([aged(1), aged(4_000, { pinned, partial: true }, false)])).toEqual({
      'A-10': 'young, newest',
      'A-40000': 'pinned',
    });
  });

  test('the last good one of each database that the target has had', () => {
    expect(kept([aged(40), aged(50, { database: 'portal_before' }), aged(60)])).toEqual({
      'A-400': 'newest',
      'A-500': 'newest',
    });
  });

  test('the last good one of this target, beside newer ones that were copied here from another', () => {
    expect(kept([aged(40, { target: 'staging' }), aged(50), aged(60)])).toEqual({
      'A-400': 'newest',
      'A-500': 'newest',
    });
  });

  test('the last good one that a restore can take by itself, beside newer ones of what restores replaced', () => {
    expect(kept([aged(40, { safety: true }), aged(50), aged(60)])).toEqual({ 'A-400': 'newest', 'A-500': 'newest' });
  });

  test('says until when where that is known', () => {
    const { keep } = planRetention([aged(1), aged(2)], policy, now, 'UTC');
    expect(keep.map(({ expiresAt }) => expiresAt)).toEqual([undefined, new Date(now.getTime() + 28 * day)]);
  });
});

const someBackup = fc
  .record({
    days: fc.double({ min: 0, max: 500, noNaN: true }),
    partial: fc.boolean(),
    schemaOnly: fc.boolean(),
    plain: fc.boolean(),
    pinned: fc.boolean(),
    complete: fc.boolean(),
    verified: fc.constantFrom('never', 'well', 'failed'),
  })
  .map(({ days, plain, pinned, complete, verified, ...own }) =>
    aged(
      days,
      {
        ...own,
        format: plain ? 'plain' : 'directory',
        pinned: pinned ? { by: 'U0ADA', at: now, reason: null } : null,
        verifications: verified === 'never' ? [] : [verification(verified === 'failed' ? { problem: 'bad' } : {})],
      },
      complete,
    ),
  );
const someBackups = fc.array(someBackup, { maxLength: 40 });
const few = fc.integer({ min: 0, max: 6 });
const somePolicy = fc.record({
  days: fc.integer({ min: 1, max: 400 }),
  daily: few,
  weekly: few,
  monthly: few,
  atLeast: fc.integer({ min: 1, max: 6 }),
});
const isGood = ({ manifest, complete }: RetainedBackup) =>
  complete &&
  !manifest.partial &&
  !manifest.schemaOnly &&
  manifest.format === 'directory' &&
  !manifest.verifications.some(({ problem }) => problem !== null);

describe('whatever there is, and whatever the settings', () => {
  const plan = (backups: readonly RetainedBackup[], own: RetentionPolicy, at = now) =>
    planRetention(backups, own, at, 'Europe/Berlin');

  test('each backup is kept or removed; none is pinned and removed; the newest good ones stay', () => {
    fc.assert(
      fc.property(someBackups, somePolicy, (backups, own) => {
        const { keep, remove } = plan(backups, own);
        const staying = keep.map(({ backup }) => backup);
        expect(staying.length + remove.length).toBe(backups.length);
        for (const backup of backups) expect([...staying, ...remove]).toContain(backup);
        expect(remove.filter(({ manifest }) => manifest.pinned)).toEqual([]);
        const good = backups.filter(isGood);
        expect(staying.filter(isGood).length).toBeGreaterThanOrEqual(Math.min(own.atLeast, good.length));
        const newest = good.toSorted((a, b) => b.manifest.takenAt.getTime() - a.manifest.takenAt.getTime());
        for (const backup of newest.slice(0, own.atLeast)) expect(staying).toContain(backup);
      }),
    );
  });

  test('to keep more of anything, or to pin, never removes one more; nor does it to prune twice', () => {
    const more = fc.constantFrom('days', 'daily', 'weekly', 'monthly', 'atLeast');
    fc.assert(
      fc.property(someBackups, somePolicy, more, (backups, own, which) => {
        const removed = plan(backups, own).remove;
        for (const backup of plan(backups, { ...own, [which]: own[which as keyof RetentionPolicy] + 1 }).remove) {
          expect(removed).toContain(backup);
        }
        expect(
          plan(
            plan(backups, own).keep.map(({ backup }) => backup),
            own,
          ).remove,
        ).toEqual([]);
      }),
    );
  });

  test('what is not kept today is not kept tomorrow', () => {
    fc.assert(
      fc.property(someBackups, somePolicy, fc.integer({ min: 1, max: 400 }), (backups, own, days) => {
        const later = plan(backups, own, new Date(now.getTime() + days * day)).remove;
        for (const backup of plan(backups, own).remove) expect(later).toContain(backup);
      }),
    );
  });
});
