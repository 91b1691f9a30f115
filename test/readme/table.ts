/** What the README shows of the code: its commands and its thresholds, made from their own declarations. `npm run readme` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { toSnake } from '../../src/config/snake-case.ts';
import { describe } from '../../src/grammar.ts';
import { loadCommands } from '../../src/registry.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';

export const readmeFile = new URL('../../README.md', import.meta.url);

/** The README as it should be. */
export async function withTable(readme: string): Promise<string> {
  return between(between(readme, 'commands', await commandTable()), 'thresholds', thresholdList());
}

async function commandTable(): Promise<string> {
  const rows = (await loadCommands())
    .map(describe)
    .map(({ usage, risk, summary }) => `| \`${usage.replaceAll('|', '\\|')}\` | ${risk} | ${summary} |`);
  return ['| what to type | | |', '|---|---|---|', ...rows].join('\n');
}

function thresholdList(): string {
  return Object.entries(thresholdsSchema.parse({}))
    .map(([name, { attention, critical }]) => `\`${toSnake(name)}\` ${inDigits(attention)} / ${inDigits(critical)}`)
    .join(' ·\n');
}

function inDigits(value: number): string {
  return value.toLocaleString('en-US');
}

/** Replaces what stands between `<!-- name: … -->` and `<!-- /name -->`. */
function between(readme: string, name: string, content: string): string {
  const start = new RegExp(`<!-- ${name}:.*?-->\n`).exec(readme);
  const stop = readme.indexOf(`<!-- /${name} -->`);
  if (!start || stop < 0) throw new Error(`README.md has lost the marks around its ${name}`);
  return `${readme.slice(0, start.index + start[0].length)}${content}\n${readme.slice(stop)}`;
}

if (import.meta.main) await writeFile(readmeFile, await withTable(await readFile(readmeFile, 'utf8')));
