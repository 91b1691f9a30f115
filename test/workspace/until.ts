import type { State } from './state.ts';

type Probe<Found> = () => Found | undefined | false | null | Promise<Found | undefined | false | null>;

/** How often a probe is tried when nothing changes here, in milliseconds: it may look at something outside. */
const POLL_EVERY = 25;

/** Longer than anything here takes on a busy machine, and less than jest gives a test: what is missing is then named. Milliseconds. */
const PATIENCE = 25_000;

/** Waits until the probe gives something, trying after every change; rejects after `ms`, naming `what`. */
export async function until<Found>(state: State, probe: Probe<Found>, what: string, ms = PATIENCE): Promise<Found> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false && found !== null) return found;
    if (performance.now() >= deadline) throw new Error(`waited ${ms} ms for ${what}\n${lastMessages(state)}`);
    await changeWithin(state, POLL_EVERY);
  }
}

function changeWithin(state: State, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = state.onChange(resolve);
  const timer = setTimeout(resolve, ms);
  return promise.finally(() => {
    clearTimeout(timer);
    forget();
  });
}

function lastMessages(state: State): string {
  const nameOf = (id: string) => state.channels.find(each => each.id === id)?.name ?? id;
  const authorOf = (id: string) => state.people.find(each => each.id === id)?.name ?? 'the bot';
  const lines = state.messages
    .filter(each => !each.deleted)
    .slice(-8)
    .map(each => `  #${nameOf(each.channel)} ${authorOf(each.user)}: ${each.text}`);
  const broken = state.violations.slice(-4).map(each => `  violation ${each.rule}: ${each.detail}`);
  return [lines.length ? 'the last messages:' : 'no message was posted', ...lines, ...broken].join('\n');
}
