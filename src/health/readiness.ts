import { within } from './within.ts';

/** What a bot needs to take commands. */
export interface Needs {
  readonly slackConnected: () => boolean;
  /** A question that the store answers. */
  readonly store: () => Promise<unknown>;
  /** Why nothing destructive may happen, `undefined` when the record reaches its channel. */
  readonly audit: () => Promise<string | undefined>;
  /** Whether the bot is shutting down and takes nothing new. */
  readonly draining: () => boolean;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

/** A load balancer asks every few seconds. Milliseconds. */
const patience = 2_000;

/** Whether the bot can take commands now, with every reason why not. Never throws. */
export async function readiness({ slackConnected, store, audit, draining }: Needs): Promise<Readiness> {
  const silent = 'The store does not answer.';
  const stored = await within(patience, store).then(
    () => undefined,
    () => silent,
  );
  const recorded = stored ?? (await within(patience, audit).catch(() => silent));
  const reasons = [
    draining() ? 'The bot is shutting down.' : undefined,
    slackConnected() ? undefined : 'Slack is not connected.',
    recorded,
  ].filter(reason => reason !== undefined);
  return { ready: reasons.length === 0, reasons };
}
