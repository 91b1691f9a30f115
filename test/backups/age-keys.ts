import path from 'node:path';
import { execa } from 'execa';

/** A key pair of age, made for a test. */
export interface AgeKey {
  /** Path of the file with the private key. */
  readonly identityFile: string;
  /** The public key. */
  readonly recipient: string;
}

/** Makes one with age's own program, in a file of that name. */
export async function ageKey(folder: string, name: string): Promise<AgeKey> {
  const identityFile = path.join(folder, name);
  await execa('age-keygen', ['--output', identityFile]);
  const { stdout } = await execa('age-keygen', ['-y', identityFile]);
  return { identityFile, recipient: stdout.trim() };
}
