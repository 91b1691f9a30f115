import type { Generated } from 'kysely';

/**
 * The bot's own small database. Times are milliseconds since 1970 in UTC, JSON is text, so that SQLite and PostgreSQL
 * hold the same.
 */
export interface StoreSchema {
  actions: ActionTable;
  approvals: ApprovalTable;
  events: EventTable;
  deliveries: DeliveryTable;
  record_head: HeadTable;
  checkpoints: CheckpointTable;
  leases: LeaseTable;
  samples: SampleTable;
  schedules: ScheduleTable;
  watches: WatchTable;
  owed_notices: OwedNoticeTable;
}

/** Where an action is in its life; see actions/ledger.ts for the only ways from one to the next. */
export type ActionState =
  | 'asked'
  | 'waiting'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'interrupted'
  | 'denied'
  | 'cancelled'
  | 'expired';

interface ActionTable {
  /** People say it with a prefix: 1042 is A-1042. */
  id: Generated<number>;
  /** What Slack calls the request (trigger id, event id, click): the same one delivered twice is one action. */
  origin: string;
  command: string;
  arguments: string;
  typed: string;
  target: string;
  risk: 'read' | 'routine' | 'destructive';
  /** At most one running action a target and lane. */
  lane: string | null;
  requester: string;
  requester_name: string;
  team: string;
  channel: string;
  thread: string | null;
  reason: string | null;
  state: ActionState;
  /** Canonical JSON, exactly what was shown and is run. */
  plan: string | null;
  summary: string | null;
  statement: string | null;
  approvals_needed: number;
  /** Whether an operator alone may run it while it waits, as its card says; 0 or 1. */
  break_glass: Generated<number>;
  /** Who ran it alone, and why. */
  broken_by: string | null;
  broken_name: string | null;
  broken_reason: string | null;
  /** When its approvers are next to be told that somebody ran it alone; null when they know. */
  alarm_at: number | null;
  /** How often its approvers were reminded: after a third and after two thirds of its time. */
  reminded: Generated<number>;
  asked_at: number;
  expires_at: number | null;
  started_at: number | null;
  finished_at: number | null;
  outcome: string | null;
  /** The process that plans or runs it. */
  holder: string | null;
  /** Until when the holder has said that it lives; later, another process takes it for dead. */
  lease_until: number | null;
  /** Whether somebody asked for its cancellation, perhaps through another process; 0 or 1. */
  cancel_asked: Generated<number>;
  /** The message that shows the action: card, progress, answer. */
  message_channel: string | null;
  message_ts: string | null;
  /** Whether the requester was shown the end; 0 or 1. */
  told: Generated<number>;
}

interface ApprovalTable {
  action_id: number;
  person: string;
  person_name: string;
  at: number;
}

/** Append-only: no code changes a row, and only the purge of audit/retention.ts deletes the oldest. */
interface EventTable {
  /** 1, 2, 3 … without a gap; after a purge, from its checkpoint on. */
  seq: number;
  id: string;
  action_id: number;
  kind: string;
  at: number;
  /** Canonical JSON. */
  body: string;
  previous_hash: string;
  hash: string;
}

/** How far an event is on its way to the audit channel; the events themselves never change. */
interface DeliveryTable {
  event_seq: number;
  /** The message that carries the event, once one was begun; its id travels in the message's metadata. */
  post_id: string | null;
  attempted_at: number | null;
  delivered_at: number | null;
  ts: string | null;
}

/** What the first event of a store follows. */
export const genesisHash = '0'.repeat(64);

/** One row: the newest event. Whoever appends locks it first, so that the chain never branches. */
interface HeadTable {
  id: number;
  seq: number;
  hash: string;
}

/** At most one row: the last event that was purged, which the oldest event left follows. */
interface CheckpointTable {
  id: number;
  seq: number;
  hash: string;
  at: number;
  /** Of the bot's own key: see audit/checkpoint.ts. */
  signature: string;
}

/** What was measured of a target in one span of time, rolled up: see samples.ts. */
interface SampleTable {
  target: string;
  /** `connections`, `size`. */
  metric: string;
  /** What of the target: a table's name; empty is the target as a whole. */
  subject: string;
  /** Length of the span, milliseconds; `at` is its start. */
  step: number;
  at: number;
  /** How often it was measured in the span, and the sum of it. */
  count: number;
  total: number;
  low: number;
  high: number;
  last: number;
  last_at: number;
}

/** Who does what only one process may do at a time. */
interface LeaseTable {
  name: string;
  holder: string;
  /** Grows with each new holder: what an earlier one still writes is refused by it. */
  fence: number;
  until: number;
  /** What the holder wants the other processes to know. */
  note: string | null;
}

/** What runs by itself on a target, and how far it is. */
interface ScheduleTable {
  target: string;
  /** `backup` */
  job: string;
  cron: string;
  time_zone: string;
  /** The newest due time that was begun; of a new schedule, when it was first seen. */
  handled: number;
  /** How many due times the run at `handled` stands for, and the first of them; null where it was on time. */
  missed: number | null;
  missed_since: number | null;
  /** The command under way; null while nothing is. */
  step: string | null;
  /** Ids of the first and the newest action of the run at `handled`. */
  first_action: number | null;
  last_action: number | null;
  /** The action that held the lane when it was due. */
  held_up_by: number | null;
  /** When that run ended. */
  ended_at: number | null;
}

/** What the bot keeps an eye on. */
interface WatchTable {
  target: string;
  name: string;
  /** What is bad, in words; null while it is well. */
  bad: string | null;
  since: number;
}

/** What approvers of a target are to be told, until they are. */
interface OwedNoticeTable {
  id: string;
  target: string;
  /** JSON. */
  notice: string;
  made_at: number;
  /** When they are next to be told. */
  next_at: number;
}
