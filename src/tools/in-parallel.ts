/**
 * Works on items, so many at a time, in their order. The first failure stops the others through the signal that the
 * work is given, and is thrown when all have ended.
 */
export async function inParallel<Item>(
  items: readonly Item[],
  most: number,
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) {
      either.throwIfAborted();
      await work(item, either);
    }
  };
  const workers = Array.from({ length: Math.max(1, most) }, () =>
    worker().catch(error => {
      failed.abort(error);
    }),
  );
  await Promise.all(workers);
  either.throwIfAborted();
}
