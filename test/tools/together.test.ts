import { expect, test } from '@jest/globals';
import { together } from '../../src/tools/together.ts';

/** Work that only ends when it is told to, and notes that it did. */
function untilStopped(signal: AbortSignal, ended: string[]): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      ended.push('stopped');
      reject(new Error('was stopped'));
    });
  });
}

test('gives both results', async () => {
  expect(await together(new AbortController(), Promise.resolve(1), Promise.resolve('two'))).toEqual([1, 'two']);
});

test.each(['first', 'second'] as const)(
  'when the %s fails, the other is stopped, and the failure is its own',
  async which => {
    const failed = new AbortController();
    const ended: string[] = [];
    const other = untilStopped(failed.signal, ended);
    const failing = Promise.reject(new Error('the disk is full'));
    await expect(
      which === 'first' ? together(failed, failing, other) : together(failed, other, failing),
    ).rejects.toThrow('the disk is full');
    expect(ended).toEqual(['stopped']);
  },
);
