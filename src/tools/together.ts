/**
 * Waits for two pieces of work. The first failure aborts `failed`, whose signal both obey, and is thrown when both have
 * ended.
 */
export async function together<First, Second>(
  failed: AbortController,
  first: Promise<First>,
  second: Promise<Second>,
): Promise<[First, Second]> {
  const told = <Result>(work: Promise<Result>) =>
    work.catch(error => {
      failed.abort(error);
      throw error;
    });
  const both = [told(first), told(second)] as const;
  await Promise.allSettled(both);
  failed.signal.throwIfAborted();
  return Promise.all(both);
}
