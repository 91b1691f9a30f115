import { whileReading } from '../backups/in-use.ts';
import { ConditionChanged, UserError } from '../errors.ts';
import { toEnvironment } from '../postgres/connection-url.ts';
import { quoteIdentifier } from '../postgres/identifiers.ts';
import { inDatabase, within } from '../postgres/maintenance.ts';
import { programPath, toolsForMajor } from '../tools/binaries.ts';
import { pipePrograms } from '../tools/pipe-programs.ts';
import { dropHalf, restoreBeside } from './beside.ts';
import { sameBackup } from './choose.ts';
import { goodFiles, requireGoodFiles } from './good-files.ts';
import { requireRights } from './obstacles.ts';
import { type Outside, outside } from './outside.ts';
import { factsOf } from './plan.ts';
import type { RestorePlan } from './plan-schema.ts';
import type { RestoredTables, RestoreOptions, RestoreWatch } from './restores.ts';
import { openSteps } from './steps.ts';

const titles = {
  files: goodFiles,
  restore: 'Restore the tables into a database beside it',
  check: 'Look at what was restored',
  bring: 'Bring them into the target',
} as const;

/**
 * Restores single tables into a schema beside the originals: in a database of their own first, where they keep types,
 * indexes, identity columns and the constraints among themselves, and move into one schema; from there that schema is
 * brought over in one transaction, so all of it comes or nothing.
 *
 * @throws ConditionChanged when something of the plan does not hold any more; UserError with what to do.
 */
export async function runTables(
  options: RestoreOptions,
  plan: RestorePlan,
  { action, signal, mayAct, progress }: RestoreWatch,
): Promise<RestoredTables> {
  const { target, log } = options;
  const { tables, schema, incoming } = plan;
  if (!tables || schema === null) throw new Error('this plan is of the whole database');
  const backup = await sameBackup(options.directory, target.name, plan.backup);
  const facts = await factsOf(target, [incoming]);
  if (!backup || facts.oid !== plan.database.oid || facts.taken.length > 0) {
    throw new ConditionChanged('The backup or the database is another one than was approved. Nothing was done.', {
      hint: 'Ask again: the new plan shows what is there now.',
    });
  }
  requireRights(facts);
  const steps = openSteps(Object.values(titles), progress);
  const fillAndBring = async ({ session }: Outside): Promise<RestoredTables> => {
    await restoreBeside(options, {
      session,
      facts,
      backup,
      database: incoming,
      tables,
      actionId: action.id,
      signal,
      mayAct,
      told: (doing, restoring) => {
        if (restoring) steps.share(restoring.bytesDone / Math.max(1, restoring.bytesTotal), restoring.estimatedEnd);
        else steps.begin(titles[doing]);
      },
    });
    try {
      steps.begin(titles.bring);
      const connection = inDatabase(target.connection, incoming);
      await within({ name: `${target.name}/restored`, connection, log }, restored =>
        restored.withSession(
          async inside => {
            await inside.query(
              `CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${quoteIdentifier(facts.owner)}`,
            );
            for (const name of tables.map(
              full => backup.manifest.tables.find(each => `${each.schema}.${each.name}` === full)!,
            )) {
              await inside.query(
                `ALTER TABLE ${quoteIdentifier(name.schema)}.${quoteIdentifier(name.name)} SET SCHEMA ${quoteIdentifier(schema)}`,
              );
            }
          },
          { readOnly: false, statementTimeout: 0, signal, transaction: 'read committed' },
        ),
      );
      mayAct();
      await bring(options, { from: incoming, schema, application: `pg-chatops/restore/${action.id}`, signal });
      return {
        schema,
        tables: tables.map(name => ({
          name,
          rows: backup.manifest.tables.find(each => `${each.schema}.${each.name}` === name)!.rows,
        })),
      };
    } finally {
      await dropHalf(options, { session, database: incoming });
    }
  };
  const work = async () => {
    await requireGoodFiles(backup, signal, steps);
    return outside(options, fillAndBring);
  };
  return whileReading(backup, work, options.log);
}

async function bring(
  { target, installations }: RestoreOptions,
  { from, schema, application, signal }: { from: string; schema: string; application: string; signal: AbortSignal },
): Promise<void> {
  const major = Math.floor((await target.version()) / 10_000);
  const installation = toolsForMajor(installations, major, ['pg_dump', 'pg_restore']);
  const environment = (connection: typeof target.connection) =>
    toEnvironment(connection, { applicationName: application });
  const complaint = await pipePrograms(
    {
      program: programPath(installation, 'pg_dump'),
      argv: ['--format=custom', '--compress=0', '--no-password', `--schema=${quoteIdentifier(schema)}`],
      environment: environment(inDatabase(target.connection, from)),
    },
    {
      program: programPath(installation, 'pg_restore'),
      argv: [
        '--exit-on-error',
        '--single-transaction',
        '--no-password',
        `--dbname=${conninfo(target.connection.database)}`,
      ],
      environment: environment(target.connection),
    },
    signal,
  );
  if (complaint === undefined) return;
  throw new UserError(`The tables could not be brought into ${target.name}: ${complaint}`, {
    hint: 'Nothing of them is there. A type or function that they use may be gone since: restore the whole backup with `--as` and copy from there.',
  });
}

function conninfo(database: string): string {
  return `dbname='${database.replaceAll(/[\\']/g, character => `\\${character}`)}'`;
}
