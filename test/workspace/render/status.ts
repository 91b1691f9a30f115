/** How far a task of a plan is. */
export type TaskStatus = 'pending' | 'in_progress' | 'complete' | 'error';

/** The mark in front of a task. */
export const STATUS_MARK: Readonly<Record<TaskStatus, string>> = {
  pending: '○',
  in_progress: '◐',
  complete: '✓',
  error: '✗',
};

/** The status as Slack knows it; anything else counts as pending. */
export function taskStatus(status: unknown): TaskStatus {
  return Object.hasOwn(STATUS_MARK, String(status)) ? (status as TaskStatus) : 'pending';
}
