import { context, preformatted } from './parts.ts';
import type { View } from './view.ts';

/** The plan of a destructive command, for who asked for no more. */
export function planAlone({ view, statement }: { readonly view: View; readonly statement: string }): View {
  const note = 'Only the plan: nothing was done, and nobody is asked.';
  return { text: `${note}\n${view.text}`, blocks: [context(note), ...view.blocks, preformatted(statement)] };
}
