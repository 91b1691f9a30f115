import { crashTests } from './fixtures/crash-tests.ts';

await crashTests('postgres', process.env.CRASH_POINTS === 'all');
