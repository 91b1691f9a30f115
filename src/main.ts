import { run } from './process.ts';

await run();
