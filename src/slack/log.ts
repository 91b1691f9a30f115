import { type Logger as BoltLogger, LogLevel } from '@slack/bolt';
import type { Logger } from 'pino';

/** Bolt and its clients write through the bot's own log. Their debug output carries payloads and is left out. */
export function boltLogger(log: Logger): BoltLogger {
  const text = (words: unknown[]) => words.map(word => (word instanceof Error ? word.message : String(word))).join(' ');
  return {
    debug: () => {},
    info: (...words) => log.debug(text(words)),
    warn: (...words) => log.warn(text(words)),
    error: (...words) => log.error(text(words)),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
