import type { Logger } from 'pino';
import type { Sleep } from './failure.ts';

/** A Socket Mode client whose own reconnecting is switched off. */
export interface Socket {
  on(event: 'disconnected', listener: () => void): unknown;
  /** @throws when no connection came to be. */
  start(): Promise<unknown>;
}

/** Pauses before each try, milliseconds; the last one repeats. */
const pauses = [0, 500, 1_000, 2_000, 5_000, 10_000];

/**
 * Opens a lost connection again at once, and again until it stands. Slack renews connections every few hours
 * (https://docs.slack.dev/apis/events-api/using-socket-mode#disconnect); the SDK by itself waits as long as its ping
 * timeout first, during which every command fails, and gives up with an unhandled rejection when Slack does not answer.
 *
 * @param socket a client that has been started.
 * @returns the end of it: from then on a lost connection stays lost.
 */
export function keepConnected(socket: Socket, { log, sleep }: { log: Logger; sleep: Sleep }): () => void {
  const closing = new AbortController();
  let trying = false;
  const reconnect = async () => {
    for (let tries = 0; !closing.signal.aborted; tries += 1) {
      await sleep(pauses[Math.min(tries, pauses.length - 1)]!, closing.signal);
      if (closing.signal.aborted) return;
      try {
        await socket.start();
        log.info({ tries: tries + 1 }, 'connected to Slack again');
        return;
      } catch (error) {
        log.warn({ err: error }, 'Slack cannot be reached');
      }
    }
  };
  socket.on('disconnected', () => {
    // A try that fails says so by this event, too.
    if (trying || closing.signal.aborted) return;
    trying = true;
    void reconnect().finally(() => {
      trying = false;
    });
  });
  return () => closing.abort();
}
