/** A few of the days that `npm run torture` simulates by the thousand. */
import { describe, expect, test } from '@jest/globals';
import { sharedCluster } from '../cluster/shared.ts';
import { Chance } from './chance.ts';
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

describe('every invariant holds', () => {
  test('on SQLite', async () => {
    const runs = await runsOf(sqliteStores, 40);
    expect(broken(runs)).toEqual([]);
    // What is never approved and run proves nothing.
    expect(runs.reduce((total, run) => total + run.effects, 0)).toBeGreaterThan(20);
  }, 120_000);

  test('on PostgreSQL', async () => {
    await using stores = await postgresStores(sharedCluster().cluster);
    expect(broken(await runsOf(stores, 5))).toEqual([]);
  });
});

describe('a seed is a run to the letter', () => {
  test.each([1, 2, 3])('with %d processes', async processes => {
    const once = await runOf(sqliteStores, 7, processes);
    const again = await runOf(sqliteStores, 7, processes);
    expect(again.traceHash).toBe(once.traceHash);
    expect(again.steps).toBe(once.steps);
  });

  test('on PostgreSQL', async () => {
    await using stores = await postgresStores(sharedCluster().cluster);
    const once = await runOf(stores, 11, 3);
    expect((await runOf(stores, 11, 3)).traceHash).toBe(once.traceHash);
  });

  test('and another seed another one', async () => {
    const hashes = (await runsOf(sqliteStores, 5)).map(run => run.traceHash);
    expect(new Set(hashes).size).toBe(5);
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
