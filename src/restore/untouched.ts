import { UserError } from '../errors.ts';
import { hook } from './hooks.ts';
import { inWords } from './in-words.ts';
import type { RestoreOptions } from './restores.ts';

/**
 * Does what comes before a swap and the swap itself. What fails there is told with what became of the application, which
 * is started again.
 *
 * @param work calls `stopped` right before it stops the application.
 */
export async function untouchedUnlessSwapped<Result>(
  options: Pick<RestoreOptions, 'hooks' | 'log'>,
  work: (stopped: () => void) => Promise<Result>,
): Promise<Result> {
  let stopped = false;
  try {
    return await work(() => {
      stopped = true;
    });
  } catch (error) {
    const again = stopped ? await startAgain(options) : '';
    const told = inWords(error);
    if (!told) throw error;
    throw new UserError(`${told.message} The database is as it was before.${again}`, {
      ...(told.hint !== undefined && { hint: told.hint }),
      cause: told.cause ?? error,
    });
  }
}

async function startAgain(options: Pick<RestoreOptions, 'hooks' | 'log'>): Promise<string> {
  try {
    const started = await hook(options, 'start', undefined);
    return started
      ? ' The application was started again.'
      : ' hooks.stop has run, and no hooks.start is set: start the application.';
  } catch (error) {
    options.log.warn({ err: error }, 'the application could not be started again');
    return ` hooks.start failed: start the application by hand.`;
  }
}
