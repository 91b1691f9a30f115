/** `npm run bench`: how fast the bot is, beside what one would do otherwise. Measures; proves nothing. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { ack } from './ack.ts';
import { type BenchOptions, readArguments, usage } from './arguments.ts';
import { backup } from './backup.ts';
import type { Finding } from './findings.ts';
import { memory } from './memory.ts';
import { pages } from './pages.ts';
import { record } from './record.ts';
import { recovery } from './recovery.ts';
import { status } from './status.ts';
import { openSurroundings } from './surroundings.ts';
import { table } from './table.ts';
import type { Topic } from './topic.ts';

const topics: Readonly<Record<BenchOptions['topics'][number], Topic>> = {
  ack,
  status,
  pages,
  record,
  backup,
  recovery,
  memory,
};

/** Processes that want to run, for each core: the bench itself, with its server and its tools, wants fewer. */
const busy = 2;

async function main(options: BenchOptions): Promise<void> {
  await using surroundings = await openSurroundings(console.warn);
  const machine = {
    postgres: surroundings.cluster.version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    memory: totalmem(),
    load: loadavg()[0]!,
  };
  const { postgres, node, platform, cores, memory, load } = machine;
  console.log(
    `PostgreSQL ${postgres}, Node ${node}, ${platform}, ${cores} cores, ${Math.round(memory / 1e9)} GB, load ${load.toFixed(2)} before`,
  );
  const findings: Finding[] = [];
  for (const topic of options.topics) {
    console.warn(`measuring ${topic} …`);
    findings.push(...(await topics[topic](surroundings, options)));
  }
  console.log(`\n${table(findings)}\n\nmedian (smallest–largest); load ${loadavg()[0]!.toFixed(2)} after`);
  if (loadavg()[0]! > busy * cores) {
    console.log(
      'Other work kept this machine busy: what takes seconds was measured against it, whether met or missed.',
    );
  }
  if (options.json !== undefined)
    await writeFile(options.json, JSON.stringify({ machine, options, findings }, null, 2));
  if (options.strict && findings.some(({ goal }) => goal?.met === false)) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options = readArguments(process.argv.slice(2));
if (options.help) process.stdout.write(usage);
else await main(options);
