/**
 * `npm run torture:mutants`: plants each fault in a copy of the tree and shows that the simulation finds it; and that it
 * finds nothing where nothing is planted. Ends with 1 when a fault survives, or no longer fits the source.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { type Fault, faults } from './faults.ts';

/** A fault is found within so many seeds. */
const seeds = 200;

const root = path.resolve(import.meta.dirname, '../..');

async function main(): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'torture-'));
  try {
    for (const part of ['src', 'blocks', 'test/torture', 'test/cluster', 'package.json']) {
      await cp(path.join(root, part), path.join(folder, part), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    let right = await verdict('nothing planted', 'held', folder);
    for (const fault of faults) right = (await planted(fault, folder)) && right;
    return right;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws Error when the source has changed, so that the fault no longer fits. */
async function planted({ name, edits }: Fault, folder: string): Promise<boolean> {
  const before = new Map<string, string>();
  try {
    for (const { file, from, to } of edits) {
      const place = path.join(folder, file);
      const source = await readFile(place, 'utf8');
      if (source.split(from).length !== 2) throw new Error(`“${name}” no longer fits ${file}`);
      if (!before.has(place)) before.set(place, source);
      await writeFile(
        place,
        source.replace(from, () => to),
      );
    }
    return await verdict(name, 'found', folder);
  } finally {
    for (const [place, source] of before) await writeFile(place, source);
  }
}

async function verdict(name: string, wanted: 'found' | 'held', folder: string): Promise<boolean> {
  const argv = ['--disable-warning=ExperimentalWarning', 'test/torture/torture.ts', '--seeds', String(seeds)];
  const { all } = await execa(process.execPath, argv, { cwd: folder, reject: false, all: true });
  const broken = /^seed \d+: .*/m.exec(all)?.[0];
  const held = all.includes('every invariant held');
  const right = wanted === 'held' ? held : broken !== undefined;
  process.stdout.write(
    `${right ? 'ok  ' : 'FAIL'} ${name}\n     ${broken ?? (held ? 'every invariant held' : all.slice(-2_000))}\n`,
  );
  return right;
}

process.exitCode = (await main()) ? 0 : 1;
