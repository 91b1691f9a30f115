import { z } from 'zod';
import type { RecordedDecision } from '../../blocks/record.ts';

/** Events in which a person decides about a request. */
const deciding: ReadonlySet<string> = new Set(['approved', 'denied', 'withdrawn', 'broke_glass']);

const decider = z.object({ by: z.string().nullish(), name: z.string().nullish() });

/** Who decided about an action, in order, from its events. */
export function decisionsOf(events: readonly { readonly kind: string; readonly body: string }[]): RecordedDecision[] {
  return events
    .filter(({ kind }) => deciding.has(kind))
    .map(({ kind, body }) => {
      const { by, name } = deciderIn(body);
      return { kind, by: by ?? undefined, name: name ?? undefined };
    });
}

/** A body that was tampered with may be anything; the verification names it. */
function deciderIn(body: string): z.output<typeof decider> {
  try {
    return decider.parse(JSON.parse(body));
  } catch {
    return {};
  }
}
