import type { ViewContent } from './validate/surfaces.ts';

/** A block as stored: validated, with a block_id and action_ids filled in where the app left them out. */
export interface StoredBlock {
  type: string;
  block_id: string;
  [property: string]: unknown;
}

export interface StoredFile {
  id: string;
  name: string;
  title: string;
  size: number;
  alt_txt?: string;
  url_private: string;
  permalink: string;
}

/** A message as people see it. */
export interface Message {
  /** Where it stands in everything that was ever posted, from 1. */
  sequence: number;
  ts: string;
  channel: string;
  thread_ts?: string;
  reply_broadcast?: boolean;
  user: string;
  bot_id?: string;
  text: string;
  blocks?: StoredBlock[];
  metadata?: { event_type: string; event_payload: Record<string, unknown> };
  /** The only person who sees it, for an ephemeral message. */
  ephemeralFor?: string;
  edited?: { user: string; ts: string };
  deleted?: boolean;
  files?: StoredFile[];
  unfurl_links?: boolean;
  unfurl_media?: boolean;
}

/** A modal or an App Home, open for one person. */
export interface View extends Omit<ViewContent, 'blocks'> {
  id: string;
  root_view_id: string;
  previous_view_id: string | null;
  team_id: string;
  app_id: string;
  bot_id: string;
  hash: string;
  private_metadata: string;
  callback_id: string;
  external_id: string;
  blocks: StoredBlock[];
  state: { values: Record<string, Record<string, Record<string, unknown>>> };
  /** What the app answered to the last submission, by block_id; shown under the inputs. */
  errors?: Record<string, string>;
}

/** A limit or protocol rule that the app broke. */
export interface Violation {
  rule: string;
  detail: string;
  at: number;
}

export interface Channel {
  id: string;
  name: string;
  kind: 'public' | 'private' | 'im';
  /** Ids of the people in it. */
  members: Set<string>;
  botIsMember: boolean;
  isExtShared: boolean;
  isArchived: boolean;
}

export interface UserGroup {
  readonly id: string;
  readonly handle: string;
  /** Ids of people; change it in place. */
  members: string[];
}

/** One Web API call as it arrived, and what was answered. */
export interface ApiCall {
  method: string;
  args: Record<string, unknown>;
  at: number;
  token: 'bot' | 'app' | 'none' | 'unknown';
  /** Absent while the call is held back by a fault; 'dropped' when the connection was cut instead of an answer. */
  answer?: { status: number; body: Record<string, unknown> } | 'dropped';
}
