import { z } from 'zod';

/** A whole number that JSON carries without loss. */
const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime().transform(text => new Date(text));

/** What lies beside a dump in manifest.json. Read back it is as untrusted as any file. */
export const manifestSchema = z.strictObject({
  version: z.literal(1),
  target: z.string(),
  database: z.string(),
  server: z.strictObject({
    /** As the server says it: `17.4 (Debian 17.4-1)`. */
    version: z.string(),
    standby: z.boolean(),
  }),
  tool: z.strictObject({ name: z.literal('pg_dump'), version: z.string() }),
  format: z.literal('directory'),
  /** In pg_dump's words: `zstd:1`, `gzip:1`. */
  compression: z.string(),
  jobs: z.int().positive(),
  /** Whether only the tables below were asked for; such a dump lacks types, functions and the targets of foreign keys. */
  partial: z.boolean(),
  requestedBy: z.string(),
  reason: z.string().nullable(),
  action: z.string(),
  startedAt: instant,
  /** The moment whose data it holds, by the server's clock. */
  takenAt: instant,
  finishedAt: instant,
  /** Every dumped table with its rows in the dump's own snapshot, and its size in the server at that time. */
  tables: z.array(z.strictObject({ schema: z.string(), name: z.string(), rows: count, bytes: count })),
  /** Every file of the dump, sorted by path. */
  files: z.array(z.strictObject({ path: z.string(), bytes: count, sha256 })),
  bytes: count,
  /** Of the file SHA256SUMS, which lists the checksums of all others. */
  sha256,
});

export type Manifest = z.output<typeof manifestSchema>;
