/** `npm run torture`: as many simulated days as one likes, and the first that breaks an invariant. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ClusterAddress } from '../cluster/access.ts';
import { startCluster } from '../cluster/cluster.ts';
import { type Options, readArguments, usage } from './arguments.ts';
import type { Run } from './simulation.ts';
import type { Work } from './worker.ts';

const exitCodes = { held: 0, broken: 1, misused: 2 } as const;

async function main(argv: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readArguments(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return exitCodes.misused;
  }
  if (options.help) {
    process.stdout.write(usage);
    return exitCodes.held;
  }
  if (options.engine === 'sqlite') return torture(options, undefined);
  const cluster = await startCluster({ settings: { max_connections: '60' } });
  try {
    return await torture(options, cluster);
  } finally {
    await cluster.stop();
  }
}

async function torture(options: Options, cluster: ClusterAddress | undefined): Promise<number> {
  const began = performance.now();
  const runs: Run[] = [];
  await new Team(options, cluster).work(run => {
    runs.push(run);
    if (runs.length % 100 === 0) process.stdout.write(`${runs.length} runs\n`);
    return run.violations.length === 0;
  });
  const broken = runs.filter(run => run.violations.length > 0).sort((a, b) => a.seed - b.seed)[0];
  const shown = broken ?? (options.seed === undefined ? undefined : runs[0]);
  if (shown) report(shown);
  const seconds = Math.round((performance.now() - began) / 1_000);
  const verdict = broken ? `seed ${broken.seed} breaks an invariant` : 'every invariant held';
  process.stdout.write(
    `${runs.length} runs on ${options.engine} in ${seconds} s, with ${sightsOf(runs)}: ${verdict}\n`,
  );
  return broken ? exitCodes.broken : exitCodes.held;
}

function report({ seed, violations, lastLines, traceHash }: Run): void {
  const found = violations.map(({ invariant, what }) => `seed ${seed}: ${invariant}: ${what}\n`);
  process.stdout.write(`${lastLines.join('\n')}\ntrace ${traceHash}\n${found.join('')}`);
}

/** `1676 effects, 214 broken glasses, …` */
function sightsOf(runs: readonly Run[]): string {
  const sums = new Map<string, number>();
  for (const { seen } of runs) {
    for (const [sight, times] of Object.entries(seen)) sums.set(sight, (sums.get(sight) ?? 0) + times);
  }
  return [...sums].map(([sight, times]) => `${times} ${sight}`).join(', ');
}

/** A thread a core, each with its share of the seeds. */
class Team {
  readonly #works: Work[];

  constructor({ seed, seeds, from, processes }: Options, cluster: ClusterAddress | undefined) {
    const first = seed ?? from;
    const last = seed ?? from + seeds - 1;
    const step = Math.min(availableParallelism(), last - first + 1);
    // A thread is handed plain data, without the functions of a running cluster.
    const address = cluster && (JSON.parse(JSON.stringify(cluster)) as ClusterAddress);
    this.#works = Array.from({ length: step }, (_, index) => ({
      first: first + index,
      last,
      step,
      processes,
      cluster: address,
    }));
  }

  /** @param goOn gets each run, and says whether to go on. */
  async work(goOn: (run: Run) => boolean): Promise<void> {
    const workers = this.#works.map(workerData => new Worker(new URL('worker.ts', import.meta.url), { workerData }));
    const stop = Promise.withResolvers<void>();
    for (const worker of workers) worker.on('message', (run: Run) => goOn(run) || stop.resolve());
    try {
      await Promise.race([Promise.all(workers.map(worker => once(worker, 'exit'))), stop.promise]);
    } finally {
      await Promise.all(workers.map(worker => worker.terminate()));
    }
  }
}

process.exitCode = await main(process.argv.slice(2));
