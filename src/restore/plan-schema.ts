import { z } from 'zod';

const count = z.int().nonnegative();
const moment = z.iso.datetime();
const oid = z.string().regex(/^\d{1,10}$/);
const argv = z.array(z.string()).min(1).nullable();

/** What would be restored, and what tells it from any other: its checksum covers every file of it. */
const backup = z.strictObject({
  name: z.string(),
  sha256: z.string(),
  takenAt: moment,
  bytes: count,
  tables: count,
  rows: count,
  encrypted: z.boolean(),
  /** The best that a verification has proved, and when; null where there was none. */
  verified: z.strictObject({ level: z.string(), at: moment }).nullable(),
  /** What whoever took it wrote: a safety backup says before which restore it was taken. */
  note: z.string().nullable(),
  /** Newer ones that `latest` does not mean, newest first; null where somebody named the backup. */
  passedOver: z
    .array(
      z.strictObject({
        name: z.string(),
        takenAt: moment,
        because: z.enum(['target', 'database', 'safety', 'schema', 'partial', 'failed', 'incomplete']),
      }),
    )
    .nullable(),
});

const hooks = z.strictObject({
  stop: argv,
  migrate: argv,
  start: argv,
  health: argv,
  timeoutSeconds: z.int().positive(),
});

/** The plan of a restore as data: shown, approved, and run from. */
export const restorePlanSchema = z.strictObject({
  backup,
  /** The database that is replaced, or gets the tables. */
  database: z.strictObject({ name: z.string(), oid, owner: z.string(), bytes: count }),
  /** The name under which the backup is restored, and the one that the old database gets. */
  incoming: z.string(),
  aside: z.string(),
  /** As `schema.table`: those that are restored into a schema beside the originals; null for the whole database. */
  tables: z.array(z.string()).min(1).nullable(),
  schema: z.string().nullable(),
  loss: z.strictObject({
    /** Where the rows differ, the largest difference first. null for a table that is not there. */
    tables: z.array(
      z.strictObject({ name: z.string(), now: count.nullable(), backup: count.nullable(), exact: z.boolean() }),
    ),
    /** Of the server; null where it does not track commit timestamps. */
    lastCommit: z.string().nullable(),
  }),
  /** Whether the database is replaced without a backup of what is in it now. */
  withoutSafety: z.boolean(),
  space: z.strictObject({ needed: count, free: count.nullable() }),
  expected: z.strictObject({
    /** Of the restore itself. */
    seconds: z.number().nonnegative(),
    from: z.enum(['verification', 'size']),
    /** Of the safety backup, by what the backup took; null where none is taken. */
    safetySeconds: z.number().nonnegative().nullable(),
    /** Of counting and pg_amcheck, by what the verification took; null where nobody has measured it. */
    checkSeconds: z.number().nonnegative().nullable(),
  }),
  applications: z.array(
    z.strictObject({
      application: z.string(),
      user: z.string(),
      address: z.string(),
      sessions: count,
      active: count,
    }),
  ),
  warnings: z.array(z.string()),
  /** Statements that the bot may not run: somebody else does, afterwards. */
  byHand: z.array(z.string()),
  hooks,
  /** What runs, in order: statements and argv. */
  steps: z.array(z.string()),
});

export type RestorePlan = z.output<typeof restorePlanSchema>;

/** What a swap back is about. */
export const undoPlanSchema = z.strictObject({
  /** Of the restore. */
  action: z.string(),
  at: moment,
  current: z.strictObject({ name: z.string(), oid, bytes: count }),
  /** The database as it was before that restore. */
  before: z.strictObject({ name: z.string(), oid, bytes: count.nullable() }),
  /** What the restored one is called afterwards. */
  aside: z.string(),
  applications: restorePlanSchema.shape.applications,
  hooks,
  steps: z.array(z.string()),
});

export type UndoPlan = z.output<typeof undoPlanSchema>;

/** What dropping a database that was set aside is about. */
export const cleanupPlanSchema = z.strictObject({
  action: z.string(),
  role: z.enum(['before', 'after', 'restoring']),
  name: z.string(),
  oid,
  of: z.string(),
  at: moment,
  bytes: count.nullable(),
  statement: z.string(),
});

export type CleanupPlan = z.output<typeof cleanupPlanSchema>;

export type Hooks = z.output<typeof hooks>;
