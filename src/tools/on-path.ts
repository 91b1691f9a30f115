import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.ts';

/**
 * Finds a program on PATH.
 *
 * @param program which may be a path of its own.
 * @param hint how to install it.
 * @param search PATH.
 * @throws UserError when it is not there.
 */
export async function programOnPath(program: string, hint: string, search = process.env.PATH ?? ''): Promise<string> {
  const folders = search.split(path.delimiter).filter(folder => folder !== '');
  for (const folder of program.includes(path.sep) ? [''] : folders) {
    const file = path.resolve(folder, program);
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  throw new UserError(`The program ${path.basename(program)} is not installed where the bot runs.`, { hint });
}
