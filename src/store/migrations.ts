import { type Kysely, sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration';
import { UserError } from '../errors.ts';
import { genesisHash, type StoreSchema } from './schema.ts';

export type Engine = 'sqlite' | 'postgres';

/** Each step is run once, in order, in a transaction; a step that has been released is never edited. */
const migrations = (engine: Engine): Record<string, Migration> => ({
  '001_actions_and_record': {
    async up(db: Kysely<never>) {
      // Milliseconds and ids outgrow PostgreSQL's four-byte integer; SQLite's holds eight bytes.
      const big = engine === 'postgres' ? 'bigint' : 'integer';
      await db.schema
        .createTable('actions')
        .addColumn('id', big, column =>
          engine === 'postgres'
            ? column.primaryKey().generatedByDefaultAsIdentity()
            : column.primaryKey().autoIncrement(),
        )
        .addColumn('origin', 'text', column => column.notNull().unique())
        .addColumn('command', 'text', column => column.notNull())
        .addColumn('arguments', 'text', column => column.notNull())
        .addColumn('typed', 'text', column => column.notNull())
        .addColumn('target', 'text', column => column.notNull())
        .addColumn('risk', 'text', column => column.notNull())
        .addColumn('lane', 'text')
        .addColumn('requester', 'text', column => column.notNull())
        .addColumn('requester_name', 'text', column => column.notNull())
        .addColumn('team', 'text', column => column.notNull())
        .addColumn('channel', 'text', column => column.notNull())
        .addColumn('thread', 'text')
        .addColumn('reason', 'text')
        .addColumn('state', 'text', column => column.notNull())
        .addColumn('plan', 'text')
        .addColumn('summary', 'text')
        .addColumn('statement', 'text')
        .addColumn('approvals_needed', 'integer', column => column.notNull())
        .addColumn('break_glass', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('broken_by', 'text')
        .addColumn('broken_name', 'text')
        .addColumn('broken_reason', 'text')
        .addColumn('alarm_at', big)
        .addColumn('reminded', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('asked_at', big, column => column.notNull())
        .addColumn('expires_at', big)
        .addColumn('started_at', big)
        .addColumn('finished_at', big)
        .addColumn('outcome', 'text')
        .addColumn('holder', 'text')
        .addColumn('lease_until', big)
        .addColumn('cancel_asked', 'integer', column => column.notNull().defaultTo(0))
        .addColumn('message_channel', 'text')
        .addColumn('message_ts', 'text')
        .addColumn('told', 'integer', column => column.notNull().defaultTo(0))
        .execute();
      await sql`create unique index one_running_a_lane on actions (target, lane)
                where state = 'running' and lane is not null`.execute(db);
      await sql`create index unfinished on actions (state, expires_at)
                where state in ('asked', 'waiting', 'running')`.execute(db);
      await sql`create index waiting_of_a_person on actions (requester) where state = 'waiting'`.execute(db);
      await sql`create index alarms on actions (alarm_at) where alarm_at is not null`.execute(db);
      await sql`create index untold on actions (finished_at) where told = 0`.execute(db);
      // The record is read newest first: everything, or what one person, command or target has.
      await sql`create index actions_by_time on actions (asked_at, id)`.execute(db);
      await sql`create index actions_of_requester on actions (requester, asked_at, id)`.execute(db);
      await sql`create index actions_of_command on actions (command, asked_at, id)`.execute(db);
      await sql`create index actions_of_target on actions (target, asked_at, id)`.execute(db);
      await sql`create index broken_glass on actions (asked_at, id) where broken_by is not null`.execute(db);
      await db.schema
        .createTable('approvals')
        .addColumn('action_id', big, column => column.notNull().references('actions.id'))
        .addColumn('person', 'text', column => column.notNull())
        .addColumn('person_name', 'text', column => column.notNull())
        .addColumn('at', big, column => column.notNull())
        .addPrimaryKeyConstraint('one_approval_a_person', ['action_id', 'person'] as never[])
        .execute();
      await db.schema
        .createTable('events')
        .addColumn('seq', big, column => column.primaryKey())
        .addColumn('id', 'text', column => column.notNull().unique())
        .addColumn('action_id', big, column => column.notNull().references('actions.id'))
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('at', big, column => column.notNull())
        .addColumn('body', 'text', column => column.notNull())
        .addColumn('previous_hash', 'text', column => column.notNull().unique())
        .addColumn('hash', 'text', column => column.notNull().unique())
        .execute();
      await sql`create index events_of_action on events (action_id, seq)`.execute(db);
      await db.schema
        .createTable('deliveries')
        .addColumn('event_seq', big, column => column.primaryKey().references('events.seq'))
        .addColumn('post_id', 'text')
        .addColumn('attempted_at', big)
        .addColumn('delivered_at', big)
        .addColumn('ts', 'text')
        .execute();
      await sql`create index undelivered on deliveries (event_seq) where delivered_at is null`.execute(db);
      await db.schema
        .createTable('record_head')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('seq', big, column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull())
        .execute();
      await sql`insert into record_head (id, seq, hash) values (1, 0, ${genesisHash})`.execute(db);
      await db.schema
        .createTable('checkpoints')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('seq', big, column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull())
        .addColumn('at', big, column => column.notNull())
        .addColumn('signature', 'text', column => column.notNull())
        .execute();
      await db.schema
        .createTable('leases')
        .addColumn('name', 'text', column => column.primaryKey())
        .addColumn('holder', 'text', column => column.notNull())
        .addColumn('fence', big, column => column.notNull())
        .addColumn('until', big, column => column.notNull())
        .addColumn('note', 'text')
        .execute();
      await db.schema
        .createTable('samples')
        .addColumn('target', 'text', column => column.notNull())
        .addColumn('metric', 'text', column => column.notNull())
        .addColumn('subject', 'text', column => column.notNull())
        .addColumn('step', big, column => column.notNull())
        .addColumn('at', big, column => column.notNull())
        .addColumn('count', big, column => column.notNull())
        .addColumn('total', 'double precision', column => column.notNull())
        .addColumn('low', 'double precision', column => column.notNull())
        .addColumn('high', 'double precision', column => column.notNull())
        .addColumn('last', 'double precision', column => column.notNull())
        .addColumn('last_at', big, column => column.notNull())
        .addPrimaryKeyConstraint('one_sample_a_span', ['target', 'metric', 'subject', 'step', 'at'] as never[])
        .execute();
      await sql`create index samples_by_age on samples (step, at)`.execute(db);
      // Ids start at 1001: easier to say and to search for than 1, 2, 3.
      if (engine === 'postgres') await sql`alter table actions alter column id restart with 1001`.execute(db);
      else await sql`insert into sqlite_sequence (name, seq) values ('actions', 1000)`.execute(db);
    },
  },
  '002_record_of_two': {
    async up(db: Kysely<never>) {
      // Of a person's many actions the few of one command, or none: without reading the many.
      await sql`create index actions_of_requester_command on actions (requester, command, asked_at, id)`.execute(db);
      await sql`create index actions_of_requester_target on actions (requester, target, asked_at, id)`.execute(db);
      await sql`create index actions_of_command_target on actions (command, target, asked_at, id)`.execute(db);
    },
  },
  '003_schedules': {
    async up(db: Kysely<never>) {
      const big = engine === 'postgres' ? 'bigint' : 'integer';
      await db.schema
        .createTable('schedules')
        .addColumn('target', 'text', column => column.notNull())
        .addColumn('job', 'text', column => column.notNull())
        .addColumn('cron', 'text', column => column.notNull())
        .addColumn('time_zone', 'text', column => column.notNull())
        .addColumn('handled', big, column => column.notNull())
        .addColumn('missed', 'integer')
        .addColumn('missed_since', big)
        .addColumn('step', 'text')
        .addColumn('first_action', big)
        .addColumn('last_action', big)
        .addColumn('held_up_by', big)
        .addColumn('ended_at', big)
        .addPrimaryKeyConstraint('one_schedule_a_job', ['target', 'job'] as never[])
        .execute();
      await db.schema
        .createTable('watches')
        .addColumn('target', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('bad', 'text')
        .addColumn('since', big, column => column.notNull())
        .addPrimaryKeyConstraint('one_watch_a_name', ['target', 'name'] as never[])
        .execute();
      await db.schema
        .createTable('owed_notices')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('target', 'text', column => column.notNull())
        .addColumn('notice', 'text', column => column.notNull())
        .addColumn('made_at', big, column => column.notNull())
        .addColumn('next_at', big, column => column.notNull())
        .execute();
    },
  },
});

/**
 * Brings the store to this version's schema.
 * @throws UserError when the store was written by a newer version of the bot.
 */
export async function migrate(db: Kysely<StoreSchema>, engine: Engine): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations(engine) } });
  const { error: cause } = await migrator.migrateToLatest();
  if (!cause) return;
  throw new UserError(`The store could not be brought to this version: ${String(cause as unknown)}.`, {
    hint: 'If a newer version of the bot has written it, run that one; nothing in the store was changed.',
    cause,
  });
}

/**
 * Changes nothing, and says whether the store is of this version.
 * @throws UserError when it has not the tables of this version of the bot, or was written by a newer one.
 */
export async function expectMigrated(db: Kysely<StoreSchema>, engine: Engine): Promise<void> {
  const known = Object.keys(migrations(engine));
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const applied = tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)
    ? (await sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db)).rows
    : [];
  const names = new Set(applied.map(({ name }) => name));
  if (names.size === 0) {
    throw new UserError('There is no record in this store: it has none of the bot’s tables.', {
      hint: 'STORE_URL names the store, as for the bot.',
    });
  }
  if (names.size === known.length && known.every(name => names.has(name))) return;
  throw new UserError('The store is of another version of the bot: its tables are not those of this one.', {
    hint: 'Use the version that the bot runs in, or start this one first, which brings an older store to its version.',
  });
}
