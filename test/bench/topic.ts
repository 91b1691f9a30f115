import type { BenchOptions } from './arguments.ts';
import type { Finding } from './findings.ts';
import type { Surroundings } from './surroundings.ts';

/** Measures one thing that a person would notice. */
export type Topic = (surroundings: Surroundings, options: BenchOptions) => Promise<Finding[]>;
