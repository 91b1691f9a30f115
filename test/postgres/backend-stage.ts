import { setTimeout as pause } from 'node:timers/promises';
import { signalStatement, type WorkCondition } from '../../src/postgres/backend-questions.ts';
import {
  type BackendSource,
  backendReader,
  backendSignaller,
  type Clock,
  type SignalResult,
} from '../../src/postgres/backends.ts';
import { parseConnectionUrl } from '../../src/postgres/connection-url.ts';
import type { Asker, Question } from '../../src/postgres/question.ts';
import { openTarget, type Target } from '../../src/postgres/target.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';

/** A target's settings as far as backends need them; thresholds at their defaults. */
export const settings: BackendSource['settings'] = {
  allowOtherDatabases: false,
  redactQueries: true,
  thresholds: thresholdsSchema.parse({}),
};

/** The bot as one role sees it, over a real target. */
export interface Bot {
  target: Target;
  reader: ReturnType<typeof backendReader>;
  /** Sends the statement that belongs to the condition, unless told another. */
  signaller: { signal(condition: WorkCondition, statement?: string): Promise<SignalResult> };
}

const opened: Target[] = [];

/** Closes every bot of a test file, also those of a test that failed half-way. */
export async function closeBots(): Promise<void> {
  await Promise.all(opened.map(target => target.close()));
}

const silent = { info: () => undefined, warn: () => undefined };

/** @param options.asked hears every question that is put to the target. */
export function openBot(
  url: string,
  options: {
    settings?: Partial<BackendSource['settings']>;
    clock?: Clock;
    asked?: (question: Question<unknown>) => void;
    mayAct?: () => void;
  } = {},
): Bot {
  const target = openTarget({ name: 'portal', connection: parseConnectionUrl(url), log: silent });
  opened.push(target);
  const asker: Asker = {
    version: () => target.version(),
    ask: (question, values) => {
      options.asked?.(question);
      return target.ask(question, values);
    },
  };
  const source = { asker, ownPids: () => target.ownPids(), settings: { ...settings, ...options.settings } };
  const clock = options.clock ?? { now: () => performance.now(), sleep: milliseconds => pause(milliseconds) };
  const signaller = backendSignaller({ ...source, clock, mayAct: options.mayAct ?? (() => {}) });
  const approved = (condition: WorkCondition) => {
    try {
      return signalStatement(condition, source.settings.allowOtherDatabases);
    } catch {
      return '';
    }
  };
  return {
    target,
    reader: backendReader(source),
    signaller: { signal: (condition, statement = approved(condition)) => signaller.signal(condition, statement) },
  };
}

/** A clock on which every sleep is over after a millisecond, so that patience costs no time. */
export function hurriedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: async milliseconds => {
      now += milliseconds;
      await pause(1);
    },
  };
}
