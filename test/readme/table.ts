/** The README's table of commands, made from the commands' own declarations. `npm run readme` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe } from '../../src/grammar.ts';
import { loadCommands } from '../../src/registry.ts';

export const readmeFile = new URL('../../README.md', import.meta.url);
const [begin, end] = [/<!-- commands:.*?-->\n/, '<!-- /commands -->'];

/** The README with its table as it should be. */
export async function withTable(readme: string): Promise<string> {
  const rows = (await loadCommands())
    .map(describe)
    .map(({ usage, risk, summary }) => `| \`${usage.replaceAll('|', '\\|')}\` | ${risk} | ${summary} |`);
  const table = ['| what to type | | |', '|---|---|---|', ...rows].join('\n');
  const start = begin.exec(readme);
  const stop = readme.indexOf(end);
  if (!start || stop < 0) throw new Error('README.md has lost the marks around its table of commands');
  return `${readme.slice(0, start.index + start[0].length)}${table}\n${readme.slice(stop)}`;
}

if (import.meta.main) await writeFile(readmeFile, await withTable(await readFile(readmeFile, 'utf8')));
