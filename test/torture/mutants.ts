/**
 * `npm run torture:mutants [-- some of its name]`: plants each fault in a copy of the tree and shows that the simulation
 * finds it; and that it finds nothing where nothing is planted. Ends with 1 when a fault survives, or no longer fits the
 * source. Each simulation uses every core.
 */
import { faults } from './faults.ts';
import { Mutant, mutantSeeds, type Verdict } from './mutant.ts';

async function main(part = ''): Promise<boolean> {
  const began = performance.now();
  const chosen = faults.filter(({ name }) => name.includes(part));
  await using mutant = await Mutant.create();
  const held = told('nothing planted', 'held', await mutant.judge());
  let found = 0;
  for (const fault of chosen) {
    if (told(fault.name, 'found', await mutant.judge(fault))) found += 1;
  }
  const seconds = Math.round((performance.now() - began) / 1_000);
  process.stdout.write(
    `${found} of ${chosen.length} planted faults found within ${mutantSeeds} seeds each, ${held ? 'none' : 'BUT ONE'} where none was planted, in ${seconds} s\n`,
  );
  return held && found === chosen.length;
}

/** @returns whether it is what was wanted. */
function told(name: string, wanted: Verdict['is'], { is, said }: Verdict): boolean {
  process.stdout.write(`${is === wanted ? 'ok  ' : 'FAIL'} ${name}\n     ${said}\n`);
  return is === wanted;
}

process.exitCode = (await main(process.argv[2])) ? 0 : 1;
