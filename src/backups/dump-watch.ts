import { setTimeout as pause } from 'node:timers/promises';
import { type DumpSession, dumpSessions } from '../postgres/dump-sessions.ts';
import type { Target } from '../postgres/target.ts';

/**
 * Looks at a backup's backends again and again until the signal is aborted, and protects each as soon as it is seen. A
 * look that fails is left out: the server may have no connection for it, the backup goes on.
 *
 * @param options.application the name that all of them bear.
 * @param options.everyMs the pause between two looks.
 * @returns when watching is over and no backend is protected any more.
 */
export async function watchDump(
  target: Pick<Target, 'ask' | 'protect' | 'unprotect'>,
  {
    application,
    everyMs,
    signal,
    seen,
  }: { application: string; everyMs: number; signal: AbortSignal; seen: (sessions: readonly DumpSession[]) => void },
): Promise<void> {
  const protectedPids = new Set<number>();
  try {
    while (!signal.aborted) {
      const sessions = await target.ask(dumpSessions, [application]).catch(() => undefined);
      if (sessions && !signal.aborted) {
        for (const { pid } of sessions) {
          protectedPids.add(pid);
          target.protect(pid);
        }
        seen(sessions);
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    for (const pid of protectedPids) target.unprotect(pid);
  }
}
