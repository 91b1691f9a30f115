import type { BackupPreparation } from './backup-preparation.ts';
import type { BackupRequest } from './backups.ts';
import { checksumList, type FileChecksum, sha256Of } from './checksum.ts';
import { compressionName } from './dump.ts';
import type { Dumped } from './dump-in-snapshot.ts';
import type { Manifest } from './manifest.ts';

/** What is written beside a new backup. */
export function newManifest({
  request,
  prepared,
  dumped,
  files,
  recipients,
  target,
  startedAt,
  finishedAt,
}: {
  request: BackupRequest;
  prepared: BackupPreparation;
  dumped: Dumped;
  files: readonly FileChecksum[];
  /** Public keys that the files are encrypted to; none when they are not. */
  recipients: readonly string[];
  target: string;
  startedAt: Date;
  finishedAt: Date;
}): Manifest {
  return {
    version: 2,
    target,
    database: prepared.database,
    server: prepared.server,
    tool: { name: 'pg_dump', version: prepared.tool.version },
    format: prepared.format,
    compression: compressionName(prepared.compression),
    jobs: prepared.jobs,
    partial: prepared.partial,
    schemaOnly: prepared.schemaOnly,
    note: request.note ?? null,
    safety: request.safety ?? false,
    encryption: recipients.length > 0 ? { tool: 'age', recipients: [...recipients] } : null,
    requestedBy: request.requester,
    reason: request.reason ?? null,
    action: request.actionId,
    startedAt,
    takenAt: request.dataOf ?? dumped.takenAt,
    finishedAt,
    tables: [...dumped.rows]
      .filter(([{ partitioned }]) => !partitioned)
      .map(([table, rows]) => {
        const { schema, name, bytes } = table;
        const hash = dumped.hashes.get(table);
        return { schema, name, rows, bytes, ...(hash !== undefined && { hash }) };
      }),
    files: [...files],
    bytes: sumOfBytes(files),
    sha256: sha256Of(checksumList(files)),
    verifications: [],
    copies: [],
    pinned: null,
  };
}

/** Of files, or of tables. */
export function sumOfBytes(items: readonly { bytes: number }[]): number {
  return items.reduce((bytes, item) => bytes + item.bytes, 0);
}
