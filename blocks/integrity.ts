import { bar } from './bar.ts';
import { context, header, preformatted, section } from './parts.ts';
import { code, count, cut, dateToken, duration, escapeMrkdwn, number, oneLine } from './text.ts';
import type { View } from './view.ts';

/** What became of one check; sample values are masked already. */
export type CheckFacts = {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
} & (
  | { readonly outcome: 'clean' }
  | {
      readonly outcome: 'violations';
      readonly count: number;
      readonly sample: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };
      readonly advice: string | undefined;
    }
  | { readonly outcome: 'not-here'; readonly message: string }
  | { readonly outcome: 'failed'; readonly message: string; readonly hint: string | undefined }
);

interface FindingFacts {
  readonly kind: 'table' | 'index';
  readonly relation: string;
  readonly place: string | undefined;
  readonly message: string;
}

/** What is known of the files below tables and indexes. */
export type HeapFacts = {
  readonly seconds: number;
  readonly checksums: { readonly enabled: boolean; readonly failures: number; readonly lastFailure: string | null };
} & (
  | { readonly outcome: 'clean'; readonly relations: number; readonly skipped: readonly FindingFacts[] }
  | {
      readonly outcome: 'corrupt';
      readonly findings: readonly FindingFacts[];
      readonly total: number;
      readonly skipped: readonly FindingFacts[];
    }
  | { readonly outcome: 'not-checked'; readonly reason: string; readonly hint: string | undefined }
);

/** Samples and findings shown; a view keeps to 40 blocks and a message to 13,000 characters. */
const most = { samples: 8, sampleText: 800, findings: 10, lines: 2_800 };

/** The verdict first, then a line a check, samples, advice, and the files. */
export function integrityView(checks: readonly CheckFacts[], heap: HeapFacts | undefined): View {
  const verdict = integrityOutcome(checks, heap);
  const violated = checks.filter(check => check.outcome === 'violations');
  const lines = [...checks.map(checkLine), ...(heap ? heapLines(heap) : [])];
  return {
    text: [verdict, ...lines].join('\n'),
    blocks: [
      header(verdict),
      ...(lines.length > 0 ? [section(cut(lines.join('\n'), most.lines))] : []),
      ...violated
        .slice(0, most.samples)
        .flatMap(check => [
          section(`*${escapeMrkdwn(check.title)}*: ${sampled(check)}${advice(check.advice)}`),
          preformatted(table(check.sample)),
        ]),
      ...(violated.length > most.samples
        ? [context(`Samples of ${violated.length - most.samples} more are left out.`)]
        : []),
      ...(heap?.outcome === 'corrupt' ? damage(heap) : []),
      ...(violated.length > 0 ? [context('E-mail addresses, names, phone numbers and free text are masked.')] : []),
    ],
  };
}

/** The verdict in one plain sentence: `2 of 3 checks found violations (5 rows)`. */
export function integrityOutcome(checks: readonly CheckFacts[], heap: HeapFacts | undefined): string {
  const violated = checks.filter(check => check.outcome === 'violations');
  const unable = checks.filter(check => check.outcome === 'not-here' || check.outcome === 'failed').length;
  const rows = violated.reduce((sum, check) => sum + check.count, 0);
  const parts = [
    ...(heap?.outcome === 'corrupt' ? [`Corruption: ${count(heap.total, 'complaint')} of amcheck`] : []),
    ...(violated.length > 0
      ? [`${violated.length} of ${count(checks.length, 'check')} found violations (${count(rows, 'row')})`]
      : []),
    ...(unable > 0 ? [`${count(unable, 'check')} could not run`] : []),
    ...(heap?.outcome === 'not-checked' ? ['tables and indexes were not checked'] : []),
    ...(heap && heap.checksums.failures > 0 ? [count(heap.checksums.failures, 'checksum failure')] : []),
    ...(heap?.outcome === 'clean' && heap.skipped.length > 0
      ? [`${count(heap.skipped.length, 'relation')} skipped`]
      : []),
  ];
  if (parts.length > 0) return parts.join('; ');
  const passed = checks.length > 0 ? `${count(checks.length, 'check')} found nothing wrong` : 'No checks are declared';
  return heap?.outcome === 'clean' ? `${passed}; ${count(heap.relations, 'relation')} read without complaint` : passed;
}

/** What is being checked now. */
export function checkingView(title: string, done: number, total: number): View {
  const text = `Checking ${done + 1} of ${total}: ${escapeMrkdwn(oneLine(title))}`;
  return { text, blocks: [section(`${bar(done / total)} ${text}`)] };
}

/** How far pg_amcheck is, by pages. */
export function heapProgressView({
  pages,
  pagesTotal,
  relations,
  relationsTotal,
}: {
  readonly pages: number;
  readonly pagesTotal: number;
  readonly relations: number;
  readonly relationsTotal: number;
}): View {
  const text = `Reading tables and indexes: ${number(relations)} of ${count(relationsTotal, 'relation')}`;
  return { text, blocks: [section(`${bar(pagesTotal === 0 ? 0 : pages / pagesTotal)} ${text}`)] };
}

function checkLine(check: CheckFacts): string {
  const about = `${escapeMrkdwn(check.title)} (${code(check.name)})`;
  const time = duration(check.seconds);
  switch (check.outcome) {
    case 'clean':
      return `:white_check_mark: ${about}: none, in ${time}`;
    case 'violations':
      return `:x: ${about}: *${number(check.count)}*, in ${time}`;
    case 'not-here':
      return `:heavy_minus_sign: ${about}: not here: ${message(check.message)}`;
    case 'failed':
      return `:warning: ${about}: ${message(check.message)}${advice(check.hint)} (after ${time})`;
  }
}

function sampled({ count: all, sample }: CheckFacts & { readonly outcome: 'violations' }): string {
  return all > sample.rows.length
    ? `${count(all, 'row')}, of which ${sample.rows.length} are shown.`
    : `${count(all, 'row')}.`;
}

function heapLines(heap: HeapFacts): string[] {
  const { enabled, failures, lastFailure } = heap.checksums;
  const last = lastFailure === null ? '' : `, the last ${dateToken(new Date(lastFailure))}`;
  const checksums = enabled
    ? `${failures > 0 ? ':x:' : ':white_check_mark:'} Checksum failures: ${failures > 0 ? `*${number(failures)}*${last}` : 'none since statistics began'}`
    : ':heavy_minus_sign: Checksum failures: not known, this server keeps no data checksums';
  return [
    heapLine(heap),
    checksums,
    ...(heap.outcome === 'not-checked' ? [] : heap.skipped.slice(0, 3).map(skippedLine)),
  ];
}

function heapLine(heap: HeapFacts): string {
  const time = duration(heap.seconds);
  switch (heap.outcome) {
    case 'clean':
      return `:white_check_mark: Tables and B-tree indexes: ${count(heap.relations, 'relation')} read, no damage found, in ${time}`;
    case 'corrupt':
      return `:x: Tables and B-tree indexes: *${count(heap.total, 'complaint')}*, in ${time}`;
    case 'not-checked':
      return `:warning: Tables and B-tree indexes: ${message(heap.reason)}${advice(heap.hint)}`;
  }
}

function skippedLine(finding: FindingFacts): string {
  return `:warning: Not checked: ${code(finding.relation)}: ${message(finding.message)}`;
}

function damage({ findings }: HeapFacts & { readonly outcome: 'corrupt' }) {
  const lines = findings.slice(0, most.findings).map(({ kind, relation, place, message: said }) => {
    const where = place === undefined ? '' : `, ${place}`;
    return cut(`${kind} ${oneLine(relation)}${where}: ${oneLine(said)}`, 250);
  });
  return [
    preformatted(lines.join('\n')),
    section(
      '*What to do*: stop the application from writing, keep the damaged files as they are, and check that a verified backup exists before anyone repairs. A damaged index alone can be rebuilt; a damaged table needs the backup. Then look for the cause: disk, memory, file system.',
    ),
  ];
}

function message(text: string): string {
  return escapeMrkdwn(cut(oneLine(text), 300));
}

function advice(text: string | undefined): string {
  return text === undefined ? '' : ` ${escapeMrkdwn(cut(oneLine(text), 600))}`;
}

/** Rows below their column names, each value on one line; exactly as they are, for nothing in it is parsed. */
function table({ columns, rows }: (CheckFacts & { readonly outcome: 'violations' })['sample']): string {
  const cells = [columns, ...rows].map(row => row.map(value => cut(oneLine(value), 40)));
  const widths = columns.map((_, index) => Math.max(...cells.map(row => row[index]?.length ?? 0)));
  const lines = cells.map(row =>
    row
      .map((value, index) => value.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return cut(lines.join('\n'), most.sampleText);
}
