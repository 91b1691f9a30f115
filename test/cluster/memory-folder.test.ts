import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { memoryFolder } from './memory-folder.ts';

test('a folder with room is taken; one that is too small, or not there, is not', async () => {
  expect(await memoryFolder(tmpdir(), 1)).toBe(tmpdir());
  expect(await memoryFolder(tmpdir(), Number.MAX_SAFE_INTEGER)).toBeUndefined();
  expect(await memoryFolder('/no/such/folder', 1)).toBeUndefined();
});
