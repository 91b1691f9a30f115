import { z } from 'zod';

const seconds = z.number().transform(value => new Date(value * 1000));

/**
 * `pgbackrest info --output=json`, as far as it is used: 2.45 writes all of it, newer ones more, and leave
 * `repository.size` out where backups share blocks. https://pgbackrest.org/command.html#command-info
 */
const setSchema = z.object({
  /** `20261122-171747F`, `…F_20261123-020000D`. */
  label: z.string(),
  type: z.enum(['full', 'diff', 'incr']),
  /** Whether a page's checksum was wrong while it was copied; null where that was not looked at. */
  error: z.boolean().nullish(),
  timestamp: z.object({ start: seconds, stop: seconds }),
  info: z.object({
    /** Of the cluster. */
    size: z.number(),
    /** Of what this set copied of it. */
    delta: z.number(),
    repository: z.object({ size: z.number().optional(), delta: z.number() }),
  }),
  /** The set it builds upon. */
  prior: z.string().nullish(),
  /** The WAL without which it is not consistent. */
  archive: z.object({ start: z.string().nullable(), stop: z.string().nullable() }),
  database: z.object({ id: z.number() }),
});

const stanzaSchema = z.object({
  name: z.string(),
  status: z.object({ code: z.number(), message: z.string() }),
  repo: z.array(z.object({ key: z.number(), status: z.object({ code: z.number(), message: z.string() }) })).default([]),
  db: z.array(z.object({ id: z.number(), version: z.string() })).default([]),
  backup: z.array(setSchema).default([]),
  archive: z
    .array(z.object({ min: z.string().nullish(), max: z.string().nullish(), database: z.object({ id: z.number() }) }))
    .default([]),
});

/** What pgBackRest knows of a stanza. */
export type StanzaInfo = z.output<typeof stanzaSchema>;
export type BackupSet = z.output<typeof setSchema>;

/**
 * Reads what `info` printed.
 * @returns undefined where it knows no stanza of that name.
 * @throws when it is no such JSON.
 */
export function parseInfo(json: string, stanza: string): StanzaInfo | undefined {
  return z
    .array(stanzaSchema)
    .parse(JSON.parse(json))
    .find(({ name }) => name === stanza);
}

/**
 * What a stanza's status means, for those that are no plain `ok` (0) or `no valid backups` (2).
 * https://github.com/pgbackrest/pgbackrest/blob/main/src/command/info/info.c
 */
export function stanzaProblem({ status, repo }: Pick<StanzaInfo, 'status' | 'repo'>): string | undefined {
  if (status.code === 0 || status.code === 2) return undefined;
  if (status.code === 1 || status.code === 3) return 'it has not been made there yet (`stanza-create`)';
  return repo.find(one => one.status.code !== 0)?.status.message ?? status.message;
}
