import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Puts an executable shell script where a program is looked for. */
export async function writeProgram(file: string, script: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

/** Makes a folder of PostgreSQL programs that know their version and nothing else. */
export async function writeInstallation(directory: string, version: string, programs: string[]): Promise<string> {
  for (const program of programs) {
    await writeProgram(path.join(directory, program), `echo "${program} (PostgreSQL) ${version}"`);
  }
  return directory;
}
