import { describe, expect, test } from '@jest/globals';
import { TooMany, Turns } from '../../src/actions/turns.ts';

/** A clock that only moves when told; sleepers wake when it has passed them. */
function clock() {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => now,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>(resolve => {
        const sleeper = { at: now + milliseconds, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => sleepers.delete(sleeper) && resolve());
      }),
    async passes(milliseconds: number) {
      now += milliseconds;
      for (const sleeper of [...sleepers]) {
        if (sleeper.at > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await settle();
    },
  };
}

const settle = () => new Promise<void>(resolve => setImmediate(resolve));

function start(earnEvery = 0) {
  const time = clock();
  const turns = new Turns({ now: time.now, sleep: time.sleep, earnEvery });
  const ends: (() => void)[] = [];
  /** Something of a person that runs until `ends` says so. */
  const begins = (person: string) => {
    const seen = { begun: false, refused: undefined as TooMany | undefined };
    const work = () =>
      new Promise<void>(resolve => {
        seen.begun = true;
        ends.push(resolve);
      });
    const done = turns.take(person, work).catch((error: unknown) => {
      if (!(error instanceof TooMany)) throw error;
      seen.refused = error;
    });
    return Object.assign(seen, { done });
  };
  return { time, turns, ends, begins };
}

describe('what one person does at once', () => {
  test('three are begun, thirteen wait, the next is refused; another person is not concerned', async () => {
    const { begins } = start();
    const all = Array.from({ length: 17 }, () => begins('ada'));
    const ben = begins('ben');
    await settle();
    expect(all.filter(each => each.begun)).toHaveLength(3);
    expect(all.map(each => each.refused !== undefined)).toEqual([...Array(16).fill(false), true]);
    expect(ben.begun).toBe(true);
  });

  test('the next begins when one has ended, the longest waiting first', async () => {
    const { begins, ends } = start();
    const all = Array.from({ length: 5 }, () => begins('ada'));
    await settle();
    ends[0]!();
    await settle();
    expect(all.map(each => each.begun)).toEqual([true, true, true, true, false]);
  });

  test('what waits for three quarters of a second is refused, and leaves the queue', async () => {
    const { begins, ends, time } = start();
    const all = Array.from({ length: 4 }, () => begins('ada'));
    await time.passes(749);
    expect(all[3]!.refused).toBeUndefined();
    await time.passes(1);
    expect(all[3]!.refused).toBeInstanceOf(TooMany);
    for (const end of ends) end();
    await Promise.all(all.map(each => each.done));
    const next = begins('ada');
    await settle();
    expect(next.begun).toBe(true);
  });

  test('a long job gives its place to the next after three seconds, and sixteen may run', async () => {
    const { begins, time } = start();
    const all = [];
    for (let round = 0; round < 6; round += 1) {
      all.push(...Array.from({ length: 3 }, () => begins('ada')));
      await time.passes(3_000);
    }
    expect(all.filter(each => each.begun)).toHaveLength(16);
    expect(all.filter(each => each.refused)).toHaveLength(2);
  });
});

describe('how often', () => {
  const over = async (turns: Turns, person: string) => turns.take(person, async () => 'done').catch(error => error);

  test('twenty in a row, then as many as are earned', async () => {
    const { turns, time } = start(4_000);
    for (let count = 0; count < 20; count += 1) expect(await over(turns, 'ada')).toBe('done');
    expect(await over(turns, 'ada')).toBeInstanceOf(TooMany);
    expect(await over(turns, 'ben')).toBe('done');
    await time.passes(3_999);
    expect(await over(turns, 'ada')).toBeInstanceOf(TooMany);
    await time.passes(1);
    expect(await over(turns, 'ada')).toBe('done');
    expect(await over(turns, 'ada')).toBeInstanceOf(TooMany);
  });

  test('a refusal is told once in ten seconds', async () => {
    const { turns, time } = start(1_000_000);
    for (let count = 0; count < 20; count += 1) await over(turns, 'ada');
    const told = async () => ((await over(turns, 'ada')) as TooMany).told;
    expect([await told(), await told()]).toEqual([false, true]);
    await time.passes(9_999);
    expect(await told()).toBe(true);
    await time.passes(1);
    expect(await told()).toBe(false);
  });

  test('whoever has rested is forgotten, so that memory does not grow with the people', async () => {
    const { turns, time } = start(1_000);
    for (let person = 0; person < 1_000; person += 1) await over(turns, `person ${person}`);
    expect(turns.size).toBeGreaterThan(900);
    await time.passes(60_000);
    await over(turns, 'ada');
    expect(turns.size).toBe(1);
  });
});

test('what fails fails as it is, and gives its place back', async () => {
  const { turns } = start();
  for (let count = 0; count < 20; count += 1) {
    await expect(turns.take('ada', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  }
});
