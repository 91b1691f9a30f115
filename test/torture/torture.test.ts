/** A few of the days that `npm run torture` simulates by the thousand. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sharedCluster } from '../cluster/shared.ts';
import { Chance } from './chance.ts';
import { faults } from './faults.ts';
import { Mutant } from './mutant.ts';
import { type Run, simulate } from './simulation.ts';
import { postgresStores, type Stores, sqliteStores } from './stores.ts';

function runOf(stores: Stores, seed: number, processes?: number): Promise<Run> {
  return stores.with(db => simulate({ seed, db, engine: stores.engine, processes }));
}

async function runsOf(stores: Stores, seeds: number): Promise<Run[]> {
  const runs: Run[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) runs.push(await runOf(stores, seed));
  return runs;
}

function broken(runs: readonly Run[]): string[] {
  return runs.flatMap(({ seed, violations }) => violations.map(({ what }) => `seed ${seed}: ${what}`));
}

test('on SQLite every invariant holds, and no day is like another', async () => {
  const runs = await runsOf(sqliteStores, 8);
  expect(broken(runs)).toEqual([]);
  // What is never approved and run proves nothing.
  expect(runs.reduce((total, run) => total + run.seen.effects, 0)).toBeGreaterThan(2);
  expect(new Set(runs.map(run => run.traceHash)).size).toBe(8);
}, 120_000);

test('on PostgreSQL every invariant holds, and a seed is a run to the letter', async () => {
  await using stores = await postgresStores(sharedCluster().cluster);
  const once = await runOf(stores, 11, 3);
  expect(broken([once])).toEqual([]);
  expect((await runOf(stores, 11, 3)).traceHash).toBe(once.traceHash);
}, 120_000);

test.each([1, 3])(
  'with %d processes a seed is a run to the letter',
  async processes => {
    const once = await runOf(sqliteStores, 7, processes);
    const again = await runOf(sqliteStores, 7, processes);
    expect(again.traceHash).toBe(once.traceHash);
    expect(again.steps).toBe(once.steps);
  },
  120_000,
);

describe('a planted fault', () => {
  test('is found', async () => {
    await using mutant = await Mutant.create();
    const planted = faults.find(({ name }) => name === 'requesters may approve their own')!;
    expect(await mutant.judge(planted)).toMatchObject({
      is: 'found',
      said: expect.stringMatching(/^seed \d+: no effect without approval: A-\d+ was approved by its requester$/),
    });
  }, 120_000);

  test.each(faults)('still fits the source: $name', async ({ edits }) => {
    for (const { file, from } of edits) {
      const source = await readFile(path.join(import.meta.dirname, '../..', file), 'utf8');
      expect(source.split(from)).toHaveLength(2);
    }
  });
});

test('chance is spread evenly, and the same for the same seed', () => {
  const draws = (seed: number) => {
    const chance = new Chance(seed);
    return Array.from({ length: 10_000 }, () => chance.between(0, 9));
  };
  const counts = Map.groupBy(draws(1), draw => draw);
  for (let value = 0; value < 10; value += 1)
    expect(Math.abs((counts.get(value)?.length ?? 0) - 1_000)).toBeLessThan(150);
  expect(draws(1)).toEqual(draws(1));
  expect(draws(1)).not.toEqual(draws(2));
});
