import { z } from 'zod';
import { exportView, recordedActionView, recordView } from '../blocks/record.ts';
import { count } from '../blocks/text.ts';
import { verificationOutcome, verificationView, verifyingView } from '../blocks/verification.ts';
import { type Answer, ageIn, agePattern, defineCommand, type ReadServices, UserError } from '../src/command.ts';

/** Lines of a page. */
const pageSize = 20;

/** Break-glass actions that stand apart on the first page. */
const mostApart = 5;

/** What one file may hold: it is in memory while it is uploaded. */
const mostLines = 20_000;
const mostCharacters = 8_000_000;

const actionId = z.string().regex(/^A-\d{1,15}$/i, 'write an id such as A-1042');

const args = z.strictObject({
  verify: z
    .literal('verify', 'the only word that may follow is verify; the rest are options, such as --since 7d')
    .optional()
    .meta({ type: 'string', description: 'check the hashes of the record, and compare them with the audit channel' }),
  since: z
    .string()
    .regex(agePattern, 'write how far back: 30m, 12h, 7d or 4w')
    .optional()
    .meta({ placeholder: 'age', description: 'not older than 30m, 12h, 7d or 4w' }),
  by: z
    .string()
    .regex(/^[UW][A-Z0-9]{1,30}$/, 'write @ and choose the person that Slack offers')
    .optional()
    .meta({ placeholder: '@person', description: 'asked by this person' }),
  command: z.string().optional().meta({ placeholder: 'command', description: 'uses of this command' }),
  target: z.string().optional().meta({ placeholder: 'target', description: 'on this target' }),
  action: actionId.optional().meta({ placeholder: 'A-…', description: 'one action with its events' }),
  before: actionId.optional().meta({ placeholder: 'A-…', description: 'older than this action' }),
  csv: z.boolean().default(false).meta({ description: 'as a CSV file, a line an action' }),
  jsonl: z.boolean().default(false).meta({ description: 'as a file of JSON lines, an action with its events' }),
});
type Args = z.output<typeof args>;

export default defineCommand({
  name: 'audit',
  summary: 'who did what, newest first; with verify, whether the record is as it was written',
  risk: 'read',
  onTarget: false,
  args,
  positional: ['verify'],
  examples: [
    'audit',
    'audit --since 7d --command kill',
    'audit --by U0123ABCD --csv',
    'audit --action A-1042',
    'audit verify --since 7d',
  ],
  async run(given, services) {
    refuseMixed(given);
    if (given.verify) return verify(given, services);
    if (given.csv || given.jsonl) return file(given, services);
    return given.action === undefined ? page(given, services) : one(given.action, services);
  },
});

/** What is given beside something that leaves no room for it would be ignored, and the answer taken for another. */
function refuseMixed({ verify: whole, since, action, csv, jsonl, ...narrowing }: Args): void {
  const narrowed = Object.entries(narrowing).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const asFile = [csv ? ['csv'] : [], jsonl ? ['jsonl'] : []].flat();
  const one = action === undefined ? [] : ['action'];
  const dashed = (names: readonly string[]) => names.map(name => `--${name}`).join(', ');
  if (whole) {
    const useless = [...narrowed, ...one, ...asFile];
    if (useless.length === 0) return;
    throw new UserError(`verify looks at the whole record; ${dashed(useless)} cannot go with it.`, {
      hint: 'Only --since can: it says how far back the audit channel is read.',
    });
  }
  if (asFile.length === 2) throw new UserError('One file at a time: give --csv or --jsonl.');
  const beside = [...(since === undefined ? [] : ['since']), ...narrowed, ...asFile];
  if (one.length > 0 && beside.length > 0) {
    throw new UserError(`--action shows one action with its events; ${dashed(beside)} cannot go with it.`, {
      hint: `Without --action they narrow down or export the list; \`/db audit --action ${action}\` shows the one.`,
    });
  }
}

async function page(given: Args, services: ReadServices): Promise<Answer> {
  const { record, action } = services;
  const filter = filterOf(given, services.now());
  const [listed, apart] = await Promise.all([
    record.page(filter, pageSize + 1),
    given.before === undefined ? record.page({ ...filter, brokeGlass: true }, mostApart) : [],
  ]);
  const shown = listed.slice(0, pageSize);
  const last = listed.length > pageSize ? shown.at(-1) : undefined;
  const view = recordView({
    actions: shown,
    brokeGlass: apart,
    older: last && `${action.id} ${last.id}`,
    filter: inWords(given, shown[0]?.requesterName),
  });
  return { view, outcome: `showed ${count(shown.length, 'action')}` };
}

async function one(id: string, { record }: ReadServices): Promise<Answer> {
  const found = await record.find(id);
  return { view: recordedActionView(found, found.events), outcome: `showed ${found.id}` };
}

async function file(given: Args, services: ReadServices): Promise<Answer> {
  const { record, signal } = services;
  const format = given.csv ? 'csv' : 'jsonl';
  const lines: string[] = [];
  let characters = 0;
  let complete = true;
  for await (const line of record.lines(filterOf(given, services.now()), format)) {
    signal.throwIfAborted();
    characters += line.length;
    if (lines.length > mostLines || characters > mostCharacters) {
      complete = false;
      break;
    }
    lines.push(line);
  }
  const actions = lines.length - (format === 'csv' ? 1 : 0);
  const name = `audit-${services.now().toISOString().slice(0, 10)}.${format}`;
  return {
    view: exportView(name, actions, complete),
    outcome: `exported ${count(actions, 'action')}`,
    files: [{ name, content: lines.join('') }],
  };
}

async function verify(given: Args, services: ReadServices): Promise<Answer> {
  const { since } = filterOf(given, services.now());
  const verification = await services.record.verify({
    since,
    signal: services.signal,
    progress: done => services.progress(verifyingView(done)),
  });
  return { view: verificationView(verification), outcome: verificationOutcome(verification) };
}

function filterOf({ since, by, command, target, before }: Args, now: Date) {
  const age = since === undefined ? undefined : ageIn(since);
  return {
    since: age === undefined ? undefined : now.getTime() - age,
    by,
    command: command?.toLowerCase(),
    target,
    before,
  };
}

/** @param name of the person in `by`, when an action tells it: an id says nothing to people, a mention would notify. */
function inWords({ since, by, command, target, before }: Args, name: string | undefined): string {
  return [
    command && `/db ${command.toLowerCase()}`,
    by && `by ${name ?? by}`,
    target && `on ${target}`,
    since && `since ${since}`,
    before && `older than ${before}`,
  ]
    .filter(Boolean)
    .join(' ');
}
