import { expect, test } from '@jest/globals';
import { requirePrograms } from './required-programs.ts';

test('a machine without the programs is told what to install', async () => {
  await expect(requirePrograms('/nonexistent')).rejects.toThrow(
    /age, age-keygen, rclone.*apt-get install -y age rclone/,
  );
  await expect(requirePrograms(process.env.PATH)).resolves.toBeUndefined();
});
