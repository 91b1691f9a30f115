import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Installation, programPath } from '../tools/binaries.ts';
import { runClientProgram } from '../tools/client-program.ts';
import { type ArchiveEntry, listArchive } from './archive-list.ts';
import type { FoundBackup } from './backup-catalogue.ts';
import { type Definitions, definitionsReader } from './dump-definitions.ts';
import { readPlainSql } from './plain-sql.ts';
import { explainRestoreFailure } from './restore-errors.ts';
import { tableOf } from './restore-selection.ts';
import { findCutRows } from './unpack-dump.ts';

/** What reading a dump to its end has shown. */
export interface ReadDump {
  /** None for a plain one, which has no table of contents. */
  readonly entries: readonly ArchiveEntry[];
  readonly definitions: Definitions;
  /** Tables of which manifest and table of contents do not agree, and rows that end early: one sentence each. */
  readonly problems: readonly string[];
}

/** Kinds of entries that hold rows or large objects. */
const dataKinds = new Set(['TABLE DATA', 'BLOBS']);

/**
 * Reads a dump from end to end, so that every compressed block is unpacked and its checksum compared.
 *
 * @param installation has the pg_restore that understands it.
 * @throws RestoreFailure in pg_restore's words, UserError when a plain dump is cut short.
 */
export async function readDump(
  installation: Installation,
  { manifest }: FoundBackup,
  dump: string,
  signal: AbortSignal,
): Promise<ReadDump> {
  if (manifest.format === 'plain') return readPlain(dump, signal);
  const entries = await listArchive(installation, dump, signal);
  const { unpacked, problems } = await findCutRows(dump, entries, signal);
  // Large objects, rows that are packed in another way, and those whose file is missing.
  const others = entries.filter(({ kind, id }) => dataKinds.has(kind) && !unpacked.has(id));
  if (others.length > 0) await writeOut(installation, others, ['--file=-', dump], signal);
  return {
    entries,
    definitions: await readDefinitions(installation, entries, dump, signal),
    problems: [...(manifest.schemaOnly ? [] : disagreementsOf(entries, manifest.tables)), ...problems],
  };
}

async function readPlain(dump: string, signal: AbortSignal): Promise<ReadDump> {
  const reader = definitionsReader();
  let rest = '';
  for await (const piece of readPlainSql(dump, signal)) {
    const lines = `${rest}${piece.toString('latin1')}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) reader.line(Buffer.from(line, 'latin1').toString('utf8'));
  }
  return { entries: [], definitions: reader.definitions(), problems: [] };
}

/** Everything but the rows, as SQL. */
async function readDefinitions(
  installation: Installation,
  entries: readonly ArchiveEntry[],
  dump: string,
  signal: AbortSignal,
): Promise<Definitions> {
  const reader = definitionsReader();
  const definitions = entries.filter(({ kind }) => !dataKinds.has(kind));
  await writeOut(installation, definitions, ['--create', '--verbose', '--file=-', dump], signal, line =>
    reader.line(line),
  );
  return reader.definitions();
}

/** Has pg_restore write entries of a dump as SQL. */
async function writeOut(
  installation: Installation,
  entries: readonly ArchiveEntry[],
  argv: readonly string[],
  signal: AbortSignal,
  said?: (line: string) => void,
): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-list-'));
  try {
    const list = path.join(folder, 'list');
    await writeFile(list, entries.map(({ line }) => `${line}\n`).join(''), { mode: 0o600 });
    const end = await runClientProgram(programPath(installation, 'pg_restore'), [`--use-list=${list}`, ...argv], {
      environment: {},
      signal,
      ...(said && { said }),
    });
    signal.throwIfAborted();
    if (end.failed) throw explainRestoreFailure('pg_restore', end);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An extension's own tables may have rows in a dump and are in no manifest: they have no definition there either. */
function disagreementsOf(entries: readonly ArchiveEntry[], tables: FoundBackup['manifest']['tables']): string[] {
  const data = entries.filter(({ kind }) => kind === 'TABLE DATA');
  const defined = new Set(entries.filter(({ kind }) => kind === 'TABLE').map(({ place }) => place));
  const found = new Set(data.map(entry => tableOf(entry, tables)));
  const strangers = data.filter(entry => defined.has(entry.place) && !tableOf(entry, tables));
  return [
    ...tables
      .filter(table => !found.has(table))
      .map(({ schema, name }) => `The manifest has the table ${schema}.${name}, the dump has not.`),
    ...strangers.map(({ place }) => `The dump has rows of “${place}”, of which the manifest knows nothing.`),
  ];
}
