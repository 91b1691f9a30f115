import { crashTests } from './fixtures/crash-tests.ts';

await crashTests('sqlite', process.env.CRASH_POINTS === 'all');
