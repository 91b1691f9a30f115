interface Hooks {
  readonly stop: readonly string[] | null;
  readonly start: readonly string[] | null;
}

/** What becomes of an application when nobody is left to start it again; `undefined` where none is stopped. */
export function stoppedApplication({ stop, start }: Hooks): string | undefined {
  if (stop === null) return undefined;
  const how = start === null ? '' : ` with hooks.start: ${start.join(' ')}`;
  return `The application may be stopped, and the bot does not start it: look, and start it${how}.`;
}

/** The one command that leads back from a swap of names of which nobody knows whether it happened. */
export function undoesSwap(action: string): string {
  return `\`/db restore-undo ${action}\` swaps back where the names are swapped, and says so where they are not.`;
}
