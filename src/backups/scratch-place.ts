import { z } from 'zod';
import type { Connection } from '../postgres/connection-url.ts';
import type { Question } from '../postgres/question.ts';
import type { Target } from '../postgres/target.ts';
import type { Account } from '../tools/account.ts';
import type { Installation } from '../tools/binaries.ts';

/** Where a backup can be restored for a while. */
export type ScratchPlace =
  | { readonly kind: 'server'; readonly connection: Connection }
  | { readonly kind: 'cluster'; readonly installation: Installation; readonly account: Account }
  | { readonly kind: 'target'; readonly connection: Connection }
  | { readonly kind: 'none'; readonly why: string };

const mayCreateDatabases: Question<{ may: boolean }> = {
  name: 'may_create_databases',
  sql: `
SELECT (rolcreatedb OR rolsuper) AND NOT pg_catalog.pg_is_in_recovery() AS may
FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  row: z.object({ may: z.boolean() }),
};

/**
 * Chooses where a backup is restored to be verified: the scratch server of the settings; else a throwaway server of the
 * same major version on the bot's host, which costs the target nothing; else, where its role may, a database beside the
 * target's, which costs the target's disks and WAL what the database holds.
 *
 * @param options.major of the server that was backed up.
 */
export async function chooseScratchPlace({
  target,
  scratch,
  installations,
  major,
  account,
}: {
  target: Pick<Target, 'ask' | 'version' | 'connection'>;
  scratch: Connection | undefined;
  installations: readonly Installation[];
  major: number;
  account: Account | undefined;
}): Promise<ScratchPlace> {
  if (scratch) return { kind: 'server', connection: scratch };
  const needed = ['initdb', 'postgres', 'pg_restore', 'psql'] as const;
  const installation = installations.find(
    each => each.major === major && needed.every(program => each.programs.has(program)),
  );
  if (installation && account) return { kind: 'cluster', installation, account };
  if (await targetServes(target, major)) return { kind: 'target', connection: target.connection };
  const missing = installation
    ? 'PostgreSQL does not run as root, and there is no account postgres to run it as'
    : `the server programs of PostgreSQL ${major} (initdb, postgres) are not installed where the bot runs`;
  return { kind: 'none', why: `No place to restore it: ${missing}, and the bot’s role may not create databases.` };
}

async function targetServes(target: Pick<Target, 'ask' | 'version' | 'connection'>, major: number): Promise<boolean> {
  if (target.connection.prisma.pgbouncer) return false;
  try {
    if (Math.trunc((await target.version()) / 10_000) !== major) return false;
    return (await target.ask(mayCreateDatabases)).some(({ may }) => may);
  } catch {
    // A target that is down is the very moment to verify a backup without it.
    return false;
  }
}
