import { z } from 'zod';
import { type IndexesShown, indexesFile, indexesView } from '../blocks/indexes.ts';
import { pageOutcome } from '../blocks/page.ts';
import { csv } from '../blocks/table.ts';
import { defineCommand, UserError } from '../src/command.ts';

const flag = (description: string) => z.boolean().default(false).meta({ description });

const args = z.strictObject({
  unused: flag('those that no query has used'),
  duplicate: flag('those that another index covers'),
  invalid: flag('those whose build has failed'),
  usage: flag('all, the most used first'),
});

const lists = ['unused', 'duplicate', 'invalid', 'usage'] as const;

export default defineCommand({
  name: 'indexes',
  summary: 'indexes that are unused, duplicate or invalid, and how often each is used',
  risk: 'read',
  args,
  examples: ['indexes', 'indexes --unused', 'indexes --usage'],
  async run(given, { indexes, target, action }) {
    const shown = shownOf(given);
    const report = await indexes.read();
    const facts = { ...report, shown, target: target.name, actionId: action.id };
    const file = indexesFile(facts);
    return {
      view: indexesView(facts),
      outcome: pageOutcome(report.findings),
      ...(file && { files: [{ name: `indexes-${shown}.csv`, content: csv(file.columns, file.rows) }] }),
    };
  },
});

function shownOf(given: z.output<typeof args>): IndexesShown {
  const [one, another] = lists.filter(list => given[list]);
  if (another !== undefined) throw new UserError(`One list at a time: --${one} or --${another}.`);
  return one ?? 'advice';
}
