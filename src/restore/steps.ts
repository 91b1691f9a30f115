import type { RestoreStep, RestoreWatch } from './restores.ts';

/** Follows a list of steps and tells each change. */
export interface Steps {
  /** The step begins, and those before it are done. */
  begin(title: string): void;
  /** How far the running step is, from 0 to 1. */
  share(share: number, estimatedEnd: Date | undefined): void;
}

export function openSteps(titles: readonly string[], progress: RestoreWatch['progress']): Steps {
  let current = -1;
  const tell = (share?: number, estimatedEnd?: Date) => {
    const steps = titles.map((title, index): RestoreStep => {
      const state = index < current ? 'done' : index === current ? 'running' : 'pending';
      return { title, state, share: index === current ? share : undefined };
    });
    progress(steps, estimatedEnd);
  };
  return {
    begin: title => {
      current = titles.indexOf(title);
      if (current < 0) throw new Error(`no such step: ${title}`);
      tell();
    },
    share: tell,
  };
}
