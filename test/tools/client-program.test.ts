import { expect, test } from '@jest/globals';
import { runClientProgram } from '../../src/tools/client-program.ts';

/** Runs a program that writes these lines to stderr and fails. */
async function complaintsOf(...lines: string[]): Promise<readonly string[]> {
  const argv = ['-c', 'printf "%s\\n" "$@" >&2; exit 1', 'sh', ...lines];
  const end = await runClientProgram('/bin/sh', argv, { environment: {}, signal: new AbortController().signal });
  expect(end).toMatchObject({ failed: true, exitCode: 1 });
  return end.complaints;
}

test('what a program tells of its steps is no complaint', async () => {
  const end = await complaintsOf(
    'pg_restore: connecting to database for restore',
    'pg_restore: creating TABLE "public.errors"',
    'pg_restore: processing data for table "public.error: x"',
    'pg_restore: launching item 12 TABLE DATA events',
    'pg_restore: pg_restore: finished item 12 TABLE DATA events',
    'pg_restore: finished main parallel loop',
    'pg_dump: last built-in OID is 16383',
    'pg_restore: error: out of memory',
  );
  expect(end).toEqual(['pg_restore: error: out of memory']);
});

test('no failure is taken for a step, however the lines of jobs that write at once are mixed', async () => {
  const said = [
    'pg_restore: error: could not execute query: ERROR:  division by zero',
    'Command was: CREATE INDEX creating ON public.events (at);',
    'pg_restore: error: processing data for table "public.users"',
    'could not execute query: ERROR:  out of shared memory',
    'pg_restore: could not execute query: ERROR:  disk full',
    'pg_restore: while PROCESSING TOC:',
    'pg_restore: from TOC entry 12; 1259 16386 TABLE users ada',
    'pg_restore: warning: errors ignored on restore: 1',
  ];
  expect(await complaintsOf(...said)).toEqual(said);
  expect(await complaintsOf('pg_restore:pg_restore: pg_restore:  error: a worker process died unexpectedly')).toEqual([
    'pg_restore: error: a worker process died unexpectedly',
  ]);
});
