import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Account } from './account.ts';

/** Ends a server whose starter died; `dismiss` it once the server has been stopped. */
export interface Watchdog {
  dismiss(): Promise<void>;
}

/**
 * Waits for a line on standard input. Its end without one means that the process that held the other end of the pipe is
 * gone, however it ended: then the server is stopped at once and the folder removed. A stopped postmaster (SIGSTOP) has
 * to be continued to notice. pg_ctl's immediate mode kills backends that do not follow within 5 s (postmaster.c,
 * SIGKILL_CHILDREN_AFTER_SECS).
 */
const script = `
read -r dismissed && exit 0
postmaster=$(head -n 1 "$2/postmaster.pid" 2>/dev/null)
if [ -n "$postmaster" ]; then
  kill -CONT "$postmaster"
  "$1" stop -D "$2" -m immediate -t 20
fi
cd / && rm -rf "$3"`;

/**
 * Guards a server with a shell of its own session, so that neither Ctrl-C nor SIGKILL of this process leaves it running.
 *
 * @param options.pgCtl path of pg_ctl; `data` the data directory; `folder` what to remove.
 */
export function startWatchdog({
  pgCtl,
  data,
  folder,
  account,
}: {
  pgCtl: string;
  data: string;
  folder: string;
  account: Account;
}): Watchdog {
  const shell = spawn('sh', ['-c', script, 'watchdog', pgCtl, data, folder], {
    ...account,
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  (shell.stdin as Socket).unref();
  return {
    dismiss: async () => {
      if (shell.exitCode !== null || shell.signalCode !== null) return;
      const exit = once(shell, 'exit');
      shell.ref();
      shell.stdin.end('dismissed\n');
      await exit;
    },
  };
}
