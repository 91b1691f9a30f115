import { z } from 'zod';
import { backupOutcome, backupPreview, backupProgress, backupResult } from '../blocks/backup.ts';
import {
  physicalOutcome,
  physicalPreview,
  physicalProgress,
  physicalResult,
  slowDump,
} from '../blocks/physical-backup.ts';
import { defineCommand, type RoutineServices, UserError } from '../src/command.ts';

export default defineCommand({
  name: 'backup',
  summary: 'back up the database, or some of its tables, with row counts and checksums',
  risk: 'routine',
  lane: 'backup',
  args: z.strictObject({
    tables: z.array(z.string().min(1)).default([]).meta({
      description:
        'only these tables, comma-separated: users, sales.contracts; a name with a dot, comma or capitals so: \'"public"."a.b"\'',
    }),
    schemaOnly: z.boolean().default(false).meta({ description: 'only the definitions, without any row' }),
    plain: z.boolean().default(false).meta({ description: 'one file of SQL that gunzip and psql read' }),
    note: z
      .string()
      .min(1)
      .max(200, 'at most 200 characters')
      .optional()
      .meta({ description: 'what whoever looks for it should know, such as "before migration"' }),
    physical: z
      .enum(['full', 'diff', 'incr'])
      .optional()
      .meta({ description: 'the whole cluster with its WAL, by pgBackRest: full, diff or incr' }),
    recovered: z
      .string()
      .regex(/^A-\d{1,15}$/i, 'a recovered database is named by its action, A-1042')
      .optional()
      .meta({
        placeholder: 'A-…',
        description: 'instead of the living database, what this `/db recover` brought back',
      }),
  }),
  examples: [
    'backup',
    'backup --note "before migration"',
    'backup --tables users,id_mappings',
    'backup --plain --reason "the auditors want SQL"',
    'backup --schema-only',
    'backup --physical diff',
    'backup --recovered A-1042',
  ],
  afterInterruption: 'Nothing of it is kept; look at the newest backup with `/db status` and ask again.',
  async preview({ physical, recovered, ...contents }, { backups, target, recoveries }) {
    if (physical) return physicalPreview(target.name, physical);
    if (recovered !== undefined) await recoveries.recoveredDatabase(recovered);
    const [estimate, last] = await Promise.all([backups.estimate(contents), backups.latest()]);
    const preview = backupPreview(estimate, target.name);
    return { ...preview, effects: [...preview.effects, ...slowDump(last)] };
  },
  async run({ note, physical, recovered, ...contents }, services) {
    if (physical) return backUpCluster(physical, { note, ...contents }, services);
    const { action, target, backups, recoveries, signal } = services;
    const { id, requester, reason } = action;
    const request = { actionId: id, requester, reason, note, ...contents };
    const watch: Parameters<typeof backups.take>[1] = {
      signal,
      progress: steps =>
        services.progress(backupProgress(steps, { action: id, target: target.name, now: services.now() })),
    };
    const result =
      recovered === undefined ? await backups.take(request, watch) : await recoveries.backUp(recovered, request, watch);
    const facts = { ...result, actionId: id, recovered: recovered !== undefined };
    return { view: backupResult(facts), outcome: backupOutcome(result) };
  },
});

/** What concerns a dump alone is refused: a set of pgBackRest holds the whole cluster, or nothing. */
async function backUpCluster(
  type: 'full' | 'diff' | 'incr',
  {
    note,
    tables,
    schemaOnly,
    plain,
  }: { note: string | undefined; tables: string[]; schemaOnly: boolean; plain: boolean },
  services: RoutineServices,
) {
  if (note !== undefined || tables.length > 0 || schemaOnly || plain) {
    throw new UserError('--physical backs up the whole cluster, so no other choice goes with it.', {
      hint: 'Leave out --tables, --schema-only, --plain and --note; --reason goes into the record.',
    });
  }
  const { target, physical } = services;
  services.progress(physicalProgress(target.name, type));
  const facts = { target: target.name, set: await physical.backup(type) };
  return { view: physicalResult(facts), outcome: physicalOutcome(facts) };
}
