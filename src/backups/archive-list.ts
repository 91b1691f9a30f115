import { UserError } from '../errors.ts';
import { type Installation, programPath } from '../tools/binaries.ts';
import { runClientProgram } from '../tools/client-program.ts';
import { explainRestoreFailure } from './restore-errors.ts';

/** One entry of an archive's table of contents. */
export interface ArchiveEntry {
  readonly id: number;
  /** In pg_dump's words: `TABLE`, `TABLE DATA`, `FK CONSTRAINT`. */
  readonly kind: string;
  /** Schema, name and owner, parted by spaces. None is quoted, so that they cannot always be told apart. */
  readonly place: string;
  /** The line as `--use-list` reads it back. */
  readonly line: string;
  /** Ids of entries that it needs; some are of objects that the archive has no entry for. */
  readonly needs: readonly number[];
}

/** The kinds of entries whose names have a space in them; all others are one word. */
const spacedKinds = [
  'ACCESS METHOD',
  'BLOB COMMENTS',
  'BLOB METADATA',
  'CHECK CONSTRAINT',
  'DATABASE PROPERTIES',
  'DEFAULT ACL',
  'EVENT TRIGGER',
  'FK CONSTRAINT',
  'FOREIGN DATA WRAPPER',
  'FOREIGN SERVER',
  'FOREIGN TABLE',
  'INDEX ATTACH',
  'LARGE OBJECT',
  'MATERIALIZED VIEW DATA',
  'MATERIALIZED VIEW',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLES IN SCHEMA',
  'PUBLICATION TABLE',
  'ROW SECURITY',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'SHELL TYPE',
  'STATISTICS DATA',
  'SUBSCRIPTION TABLE',
  'TABLE ATTACH',
  'TABLE DATA',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'USER MAPPING',
].toSorted((left, right) => right.length - left.length);

/** `3295; 2606 16393 CONSTRAINT public users users_pkey portal`: id; catalogue and oid, kind, schema, tag, owner. */
const entryLine = /^(\d+); \d+ \d+ (.+)$/;
const needsLine = /^;\tdepends on: ([\d ]+)$/;

/**
 * Reads the table of contents of an archive.
 *
 * @param dump pg_dump's folder.
 * @throws UserError with pg_restore's words when it cannot be read.
 */
export async function listArchive(
  installation: Installation,
  dump: string,
  signal: AbortSignal,
): Promise<ArchiveEntry[]> {
  const lines: string[] = [];
  const end = await runClientProgram(programPath(installation, 'pg_restore'), ['--list', '--verbose', dump], {
    environment: {},
    signal,
    said: line => lines.push(line),
  });
  signal.throwIfAborted();
  if (end.failed) throw explainRestoreFailure('pg_restore', end);
  const entries = parseArchiveList(lines);
  if (entries.length === 0) throw new UserError('The archive’s table of contents is empty.');
  return entries;
}

/** Makes entries of what `pg_restore --list --verbose` writes. */
function parseArchiveList(lines: readonly string[]): ArchiveEntry[] {
  const entries: ArchiveEntry[] = [];
  for (const line of lines) {
    const needs = needsLine.exec(line)?.[1];
    const last = entries.at(-1);
    if (needs !== undefined && last) entries[entries.length - 1] = { ...last, needs: needs.split(' ').map(Number) };
    const [, id, rest] = entryLine.exec(line) ?? [];
    if (id !== undefined && rest !== undefined) entries.push({ id: Number(id), ...describe(rest), line, needs: [] });
  }
  return entries;
}

function describe(rest: string): Pick<ArchiveEntry, 'kind' | 'place'> {
  const kind = spacedKinds.find(name => rest.startsWith(`${name} `)) ?? rest.slice(0, rest.indexOf(' '));
  return { kind, place: rest.slice(kind.length + 1) };
}
