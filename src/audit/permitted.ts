/** Whether an action might run, by its events alone: what its row says now may have said something else meanwhile. */

/** One event of an action. */
export interface Told {
  readonly seq: number;
  readonly kind: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * An approval is counted in a transaction that asks for the time before it writes the event, milliseconds: a store that
 * answers slowly puts the event past the moment that was asked for.
 */
const slowness = 60_000;

/**
 * Judges a request as the ledger should have, from `asked` on.
 * @returns what was not permitted, in a few words.
 */
export function notPermitted(events: readonly Told[]): string | undefined {
  const asked = events.find(({ kind }) => kind === 'asked');
  const requester = asked?.body.requester;
  const approvers = new Set<unknown>();
  let planned: Told | undefined;
  let alone = false;
  let started = false;
  for (const event of events) {
    const { kind, body } = event;
    if (kind === 'planned') planned = event;
    if (asked?.body.by_itself !== undefined && (planned !== undefined || asked.body.risk === 'destructive'))
      return 'it ran by itself, and nothing destructive does';
    if (kind === 'approved' || kind === 'broke_glass') {
      if (kind === 'approved' && body.by === requester) return 'its requester approved it';
      if (planned === undefined) return 'it was approved before it had a plan';
      if (!(event.at < Number(planned.body.expires_at) + slowness)) return 'it was approved when its time was over';
    }
    if (kind === 'approved') approvers.add(body.by);
    if (kind === 'approval_dropped') approvers.delete(body.by);
    if (kind === 'broke_glass') alone = true;
    if (kind === 'started') {
      started = true;
      const needed = planned === undefined ? 0 : Number(planned.body.approvals_needed);
      if (planned === undefined && asked?.body.risk === 'destructive') return 'it ran without a plan';
      // Records of earlier versions do not name it.
      if (body.plan_sha256 !== undefined && body.plan_sha256 !== planned?.body.plan_sha256) {
        return 'another plan ran than the one that was shown';
      }
      if (!alone && !(approvers.size >= needed)) return `it ran with ${approvers.size} of ${needed} approvals`;
    }
    if (kind === 'succeeded' && !started && asked?.body.risk !== 'read') return 'it ended well and never started';
  }
  return undefined;
}
