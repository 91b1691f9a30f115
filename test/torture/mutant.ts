import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { Fault } from './faults.ts';

/** A fault is found within so many seeds. */
export const mutantSeeds = 200;

const root = path.resolve(import.meta.dirname, '../..');

export interface Verdict {
  readonly is: 'found' | 'held' | 'neither';
  /** The violation and its seed, or what was printed instead. */
  readonly said: string;
}

/** A copy of the tree in which faults are planted, one after the other; gone when disposed of. */
export class Mutant implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(): Promise<Mutant> {
    const folder = await mkdtemp(path.join(tmpdir(), 'torture-'));
    const mutant = new Mutant(folder);
    try {
      for (const part of ['src', 'blocks', 'test/torture', 'test/cluster', 'package.json']) {
        await cp(path.join(root, part), path.join(folder, part), { recursive: true });
      }
      await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
      return mutant;
    } catch (error) {
      await mutant[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * What the simulation says with this fault planted; with none, unless told.
   * @throws Error when the source has changed, so that the fault no longer fits.
   */
  async judge(fault?: Fault): Promise<Verdict> {
    const before = new Map<string, string>();
    try {
      for (const { file, from, to } of fault?.edits ?? []) {
        const place = path.join(this.#folder, file);
        const source = await readFile(place, 'utf8');
        if (source.split(from).length !== 2) throw new Error(`“${fault?.name}” no longer fits ${file}`);
        if (!before.has(place)) before.set(place, source);
        await writeFile(
          place,
          source.replace(from, () => to),
        );
      }
      return await this.#simulate();
    } finally {
      for (const [place, source] of before) await writeFile(place, source);
    }
  }

  async #simulate(): Promise<Verdict> {
    const argv = ['--disable-warning=ExperimentalWarning', 'test/torture/torture.ts', '--seeds', String(mutantSeeds)];
    const { all } = await execa(process.execPath, argv, { cwd: this.#folder, reject: false, all: true });
    const broken = /^seed \d+: .*/m.exec(all)?.[0];
    if (broken !== undefined) return { is: 'found', said: broken };
    const held = /^.*every invariant held$/m.exec(all)?.[0];
    return held === undefined ? { is: 'neither', said: all.slice(-2_000) } : { is: 'held', said: held };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
