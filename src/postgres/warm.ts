import type pg from 'pg';
import { backendPid, drop, query } from './client.ts';

/** The right to use a connection alone, until it is given back. */
export interface Lease {
  readonly client: pg.ClientBase;
  /** @param broken whether the connection can no longer be used. */
  release(broken?: boolean): void;
}

/** One connection, opened before it is needed: it still works when the server takes no new ones. */
export interface Warm {
  /** The connection, if it is open and nobody uses it. */
  take(): Lease | undefined;
  /** The connection when it is free; undefined when it is not open, is lost meanwhile or is not free in time. */
  wait(milliseconds: number): Promise<Lease | undefined>;
  readonly pid: number | undefined;
  close(): Promise<void>;
}

export interface WarmOptions {
  readonly open: () => Promise<pg.Client>;
  /** @param signal ends the pause early. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Told of each opening. */
  readonly onOpen: () => void;
  /** Told why it could not be opened, once in a row of like errors. */
  readonly onFailure: (error: unknown) => void;
}

/** Pauses before a lost connection is opened again, milliseconds; the last one repeats. */
const pauses = [250, 1_000, 2_000, 5_000, 10_000, 30_000];
/** A firewall forgets connections that are silent for minutes. */
const probeEvery = 30_000;
const probeTimeout = 3_000;

/** Keeps a connection open: at once, again after each loss with growing pauses, and alive by a probe every 30 s. */
export function keepWarm({ open, sleep, onOpen, onFailure }: WarmOptions): Warm {
  const closing = new AbortController();
  const waiting = new Set<(lease: Lease | undefined) => void>();
  let client: pg.Client | undefined;
  let busy = false;

  function take(): Lease | undefined {
    if (!client || busy) return undefined;
    busy = true;
    return lease(client);
  }

  function lease(held: pg.Client): Lease {
    let released = false;
    return {
      client: held,
      release: (broken = false) => {
        if (released) return;
        released = true;
        if (broken) drop(held);
        if (client !== held) return;
        busy = false;
        if (broken) client = undefined;
        handOver();
      },
    };
  }

  function handOver() {
    if (!client) {
      for (const waiter of waiting) waiter(undefined);
      return;
    }
    const [next] = waiting;
    if (next) next(take());
  }

  function wait(milliseconds: number): Promise<Lease | undefined> {
    if (!client || !busy) return Promise.resolve(take());
    return new Promise(resolve => {
      const settle = (given: Lease | undefined) => {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve(given);
      };
      const timer = setTimeout(() => settle(undefined), Math.max(0, milliseconds));
      waiting.add(settle);
    });
  }

  async function hold(opened: pg.Client) {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    opened.once('end', resolve);
    client = opened;
    busy = false;
    onOpen();
    while (client === opened && !closing.signal.aborted) {
      const rest = new AbortController();
      const signal = AbortSignal.any([rest.signal, closing.signal]);
      await Promise.race([ended.then(() => 'ended'), sleep(probeEvery, signal)]).then(async outcome => {
        rest.abort();
        if (outcome !== 'ended') return probe();
        if (client === opened) client = undefined;
        busy = false;
        handOver();
      });
    }
    drop(opened);
    await ended;
  }

  async function probe() {
    const free = take();
    if (!free) return;
    await query(free.client, 'SELECT 1', [], probeTimeout).then(
      () => free.release(),
      () => free.release(true),
    );
  }

  async function keep() {
    let failures = 0;
    let lastFailure: string | undefined;
    while (!closing.signal.aborted) {
      try {
        const opened = await open();
        failures = 0;
        lastFailure = undefined;
        await hold(opened);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== lastFailure) onFailure(error);
        lastFailure = message;
      }
      await sleep(pauses[Math.min(failures++, pauses.length - 1)]!, closing.signal);
    }
  }

  const kept = keep();
  return {
    take,
    wait,
    get pid() {
      return client && backendPid(client);
    },
    close: async () => {
      closing.abort();
      client = undefined;
      handOver();
      await kept;
    },
  };
}
