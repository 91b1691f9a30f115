import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** What writers without a pause saw. */
export interface Writing {
  /** Rows that were committed, and said so. */
  readonly written: number;
  /** The longest time between two rows of one writer, milliseconds. */
  readonly worstGap: number;
  /** SQLSTATEs and words of what failed. */
  readonly failures: ReadonlySet<string>;
}

export interface Writers {
  /** Resolves when each has written once more than now. */
  again(): Promise<void>;
  stop(): Promise<Writing>;
}

/** Applications that write all the while, through a pool that opens a new connection for one that was cut. */
export async function startWriters(url: string, { count = 16, table = 'written' } = {}): Promise<Writers> {
  const pool = new pg.Pool({ connectionString: url, max: count, application_name: 'portal-bff' });
  pool.on('error', () => undefined);
  const stopped = new AbortController();
  const failures = new Set<string>();
  const rows = Array.from({ length: count }, () => 0);
  let worstGap = 0;
  const writer = async (index: number) => {
    let last: number | undefined;
    while (!stopped.signal.aborted) {
      try {
        await pool.query(`insert into ${table} default values`);
        const now = performance.now();
        if (last !== undefined) worstGap = Math.max(worstGap, now - last);
        last = now;
        rows[index]! += 1;
      } catch (error) {
        failures.add(String(Reflect.get(Object(error), 'code') ?? error));
        await pause(1);
      }
    }
  };
  const all = rows.map((_, index) => writer(index));
  const again = async () => {
    const before = [...rows];
    const deadline = performance.now() + 20_000;
    while (rows.some((written, index) => written <= before[index]!)) {
      if (performance.now() > deadline) throw new Error(`writers stand still: ${[...failures].join(', ')}`);
      await pause(5);
    }
  };
  await again();
  return {
    again,
    stop: async () => {
      stopped.abort();
      await Promise.all(all);
      await pool.end();
      return { written: rows.reduce((sum, written) => sum + written, 0), worstGap, failures };
    },
  };
}
