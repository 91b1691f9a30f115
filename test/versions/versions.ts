/** `npm run versions`: whether every read-only page is right on each version of PostgreSQL that the bot works with. */
import { parseArgs } from 'node:util';
import { pages } from './pages.ts';
import { type Major, releases, serverPrograms } from './servers.ts';
import { makeSituation } from './situation.ts';

const usage = `npm run versions               checks every read-only page on PostgreSQL ${majors().join(', ')}
npm run versions -- 14 16      on these alone

Fetches the servers with npm when they are needed for the first time, into the system's folder for temporary files.
Exit code 1 when a page is wrong, or a version could not be had.
`;

function majors(): Major[] {
  return Object.keys(releases).map(Number) as Major[];
}

/** @throws Error that names what is no version. */
function wanted(words: readonly string[]): Major[] {
  const known = majors();
  const unknown = words.filter(word => !known.some(major => String(major) === word));
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: known are ${known.join(', ')}`);
  return words.length === 0 ? known : known.filter(major => words.includes(String(major)));
}

/** Prints a line for each page; true when all are right. */
async function check(major: Major): Promise<boolean> {
  const bin = await serverPrograms(major).catch(error => error);
  if (bin instanceof Error) {
    console.log(`${major}  NOT CHECKED, its server could not be had: ${bin.message}`);
    return false;
  }
  await using situation = await makeSituation(major, bin);
  const { version } = situation.cluster;
  let right = true;
  for (const page of pages) {
    if (page.on && !page.on(major)) continue;
    const began = performance.now();
    const wrong = await page.check(situation).then(
      () => undefined,
      error => (error instanceof Error ? error : new Error(String(error))),
    );
    const took = `${Math.round(performance.now() - began)} ms`;
    console.log(`${version.padEnd(6)} ${page.name.padEnd(14)} ${wrong ? `WRONG: ${wrong.message}` : `right, ${took}`}`);
    right &&= wrong === undefined;
  }
  return right;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h', default: false } },
});
if (values.help) process.stdout.write(usage);
else {
  const failed: Major[] = [];
  for (const major of wanted(positionals)) if (!(await check(major))) failed.push(major);
  console.log(failed.length === 0 ? 'Every page is right.' : `Not right: PostgreSQL ${failed.join(', ')}.`);
  if (failed.length > 0) process.exitCode = 1;
}
