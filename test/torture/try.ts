import { simulate } from './simulation.ts';
import { sqliteStores } from './stores.ts';

const [from, to, v] = process.argv.slice(2).map(Number);
const t0 = performance.now();
let eff = 0,
  steps = 0,
  bad = 0;
const by: Record<string, number[]> = {};
for (let seed = from!; seed <= to!; seed++) {
  const r = await sqliteStores.with(db => simulate({ seed, db, engine: 'sqlite' }));
  eff += r.effects;
  steps += r.steps;
  if (r.violations.length) {
    bad++;
    for (const x of r.violations) (by[x.invariant] ??= []).push(seed);
    if (bad <= 3) {
      console.log(seed, r.violations);
      if (v) console.log(r.lastLines.join('\n'));
    }
  }
}
console.log(
  { eff, steps, bad, ms: performance.now() - t0 },
  Object.fromEntries(Object.entries(by).map(([k, s]) => [k, s.length + ': ' + s.slice(0, 8).join(' ')])),
);
