import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type RecordFilter, RecordQueries } from '../../src/audit/reader.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { actionAt, fillRecord, none, some } from './filled-record.ts';
import { compare, type Finding } from './findings.ts';
import { nodeFlags, residentMemory } from './program.ts';
import { sideBySide, timed } from './side-by-side.ts';
import type { Topic } from './topic.ts';

/** Pages a round. */
const perRun = 40;

/** Lines of a page, and one to know whether there is another. */
const page = 21;

/** An index makes a page of a large record nearly as fast as one of a small record; without it, it is a thousand times slower. */
const atMost = 2;

/** How far the memory may wander and still be called flat. */
const flat = 1.1;

/** Milliseconds between two looks at the memory. */
const every = 50;

const ours = fileURLToPath(new URL('../../src/audit/cli.ts', import.meta.url));
const plain = fileURLToPath(new URL('fixtures/plain-reading.ts', import.meta.url));

/**
 * How fast the record is read that SQLite holds: a page of a large record beside the same page of a thousand events;
 * then `npm run audit`, of a tenth, beside what somebody would write who reads the same rows with node:sqlite, each a
 * process of its own; and the memory of an export of all of it beside that of the tenth.
 */
export const record: Topic = async (surroundings, { runs, events }) => {
  const folder = await surroundings.newFolder();
  const sizes = { large: events, tenth: events / 10, small: 1_000 };
  const fileOf = (size: keyof typeof sizes) => path.join(folder, `${size}.db`);
  for (const size of ['large', 'tenth', 'small'] as const) await fillRecord(fileOf(size), sizes[size]);

  const found = await pages({
    large: { file: fileOf('large'), events: sizes.large },
    small: { file: fileOf('small'), events: sizes.small },
    runs,
  });
  for (const [what, args, beside] of [
    ['verify', ['verify'], 'hashes'],
    ['export', ['export', '--jsonl'], 'lines'],
  ] as const) {
    const took = await sideBySide(
      {
        ours: () => seconds([ours, ...args], fileOf('tenth')),
        plain: () => seconds([plain, fileOf('tenth'), beside], fileOf('tenth')),
      },
      { runs: Math.ceil(runs / 2), warmUp: 0 },
    );
    found.push(
      compare({
        what: `${what} ${sizes.tenth} events`,
        unit: 's',
        ours: took.ours,
        beside: { what: 'the same rows read with node:sqlite', values: took.plain },
      }),
    );
  }
  const memory = { large: await exportMemory(fileOf('large')), tenth: await exportMemory(fileOf('tenth')) };
  found.push(
    compare({
      what: `memory during an export of ${sizes.large} events, highest`,
      unit: 'MB',
      ours: [Math.max(...memory.large)],
      beside: { what: 'of a tenth of it', values: [Math.max(...memory.tenth)] },
      atMost: flat,
    }),
  );
  return found;
};

interface Filled {
  readonly file: string;
  readonly events: number;
}

async function pages({ large, small, runs }: { large: Filled; small: Filled; runs: number }): Promise<Finding[]> {
  await using opened = new AsyncDisposableStack();
  const open = async ({ file }: Filled) => {
    const store = await openSqliteStore(file);
    opened.defer(() => store.destroy());
    return new RecordQueries(store);
  };
  const readers = { large: await open(large), small: await open(small) };
  const asked: readonly [what: string, filter: (events: number, part: number) => RecordFilter][] = [
    ['anywhere', (events, part) => ({ before: actionAt(part, events) })],
    ['the oldest', events => ({ before: actionAt(0, events) + page })],
    ['of a person and a command', () => some],
    ['of a person and a command, none', () => none],
  ];
  const findings: Finding[] = [];
  for (const [what, filter] of asked) {
    let part = 0;
    const read = (reader: RecordQueries, events: number) => {
      part = (part + 0.618) % 1; // the golden ratio: nowhere twice
      return timed(() => reader.page(filter(events, 0.1 + 0.9 * part), page));
    };
    const took = await sideBySide(
      { large: () => read(readers.large, large.events), small: () => read(readers.small, small.events) },
      { runs: runs * perRun, warmUp: perRun },
    );
    findings.push(
      compare({
        what: `a page of ${large.events} events, ${what}`,
        unit: 'ms',
        ours: took.large,
        beside: { what: `of ${small.events}`, values: took.small },
        atMost,
      }),
    );
  }
  return findings;
}

/** How long a program takes whose output goes nowhere. */
async function seconds(words: readonly string[], file: string): Promise<number> {
  return (await timed(() => run(words, file))) / 1_000;
}

function run(words: readonly string[], file: string) {
  return execa(process.execPath, [...nodeFlags('audit'), ...words], {
    env: { STORE_URL: `sqlite:${file}` },
    stdout: 'ignore',
  });
}

/** Resident memory during an export, MB. */
async function exportMemory(file: string): Promise<number[]> {
  const exporting = run([ours, 'export', '--jsonl'], file);
  const over = new AbortController();
  const ended = exporting.finally(() => over.abort());
  const seen: number[] = [];
  while (!over.signal.aborted) {
    const megabytes = await residentMemory(exporting.pid!).catch(() => undefined);
    if (megabytes !== undefined) seen.push(megabytes);
    await pause(every, undefined, { signal: over.signal }).catch(() => undefined);
  }
  await ended;
  return seen;
}
