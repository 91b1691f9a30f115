import type { Thresholds } from '../target-settings.ts';
import type { Backend } from './backend-questions.ts';
import type { KillMode } from './backend-rules.ts';
import type { Waiter } from './waiters.ts';

interface Circumstances {
  readonly backend: Backend;
  readonly mode: KillMode;
  readonly blocks: readonly Waiter[];
  readonly blockedBy: readonly Waiter[];
}

/** Programs whose work is expensive to lose. Anyone can take such a name, so it warns and does not protect. */
const carefulApplications =
  /^(pgbackrest|barman|patroni|pg_basebackup|pg_receivewal|wal-g|pg_dump|pg_dumpall|pg_restore|pg_repack|pg-chatops)/i;

/** What a person should know before agreeing to end a backend; each a sentence without markup. */
export function backendWarnings(
  { backend, mode, blockedBy }: Circumstances,
  { idleInTransactionSeconds }: Thresholds,
): string[] {
  const { application, holdsMigrationLock, state, stateSeconds, workers, backendType } = backend;
  const warnings: string[] = [];
  if (holdsMigrationLock) {
    warnings.push(
      'It holds the lock under which Prisma runs migrations: a migration stopped half-way is marked failed and must be resolved by hand.',
    );
  }
  if (application !== null && carefulApplications.test(application)) {
    warnings.push(`Its application name is ${application}: a backup, restore or repair would have to start over.`);
  }
  if (backendType === 'autovacuum worker') {
    warnings.push('It is an autovacuum: it gives way to waiting statements by itself, and will start again later.');
  }
  if (workers > 0) {
    warnings.push(
      `It leads a parallel query; its ${workers === 1 ? 'worker ends' : `${workers} workers end`} with it.`,
    );
  }
  if (state?.startsWith('idle in transaction') && (stateSeconds ?? 0) >= idleInTransactionSeconds.attention) {
    warnings.push('It has been idle in its transaction for long: its client may be stuck, and may do the same again.');
  }
  if (blockedBy.length > 0) {
    const blockers = blockedBy.map(blocker => (blocker.pid === 0 ? 'a prepared transaction' : String(blocker.pid)));
    warnings.push(`It is blocked itself, by ${blockers.join(', ')}: ending that one may be what helps.`);
  }
  if (mode === 'cancel' && backend.transactionStart !== backend.queryStart) {
    warnings.push('Its transaction began before this query: locks taken earlier stay until the client rolls back.');
  }
  return warnings;
}
