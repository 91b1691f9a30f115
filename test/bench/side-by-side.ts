/** Does something once and says what it measured. */
export type Way = () => Promise<number>;

/**
 * Goes several ways again and again, one after the other, and turns their order around with every round: whatever
 * drifts on the machine meanwhile meets all of them alike.
 *
 * @param options.runs rounds that count; `warmUp` rounds go before them and do not.
 * @returns the measurements of each way, in order.
 */
export async function sideBySide<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  { runs, warmUp }: { runs: number; warmUp: number },
): Promise<Record<Name, number[]>> {
  const names = Object.keys(ways) as Name[];
  const measured = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < warmUp + runs; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const value = await ways[name]();
      if (round >= warmUp) measured[name].push(value);
    }
  }
  return measured;
}

/** Milliseconds that the work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
