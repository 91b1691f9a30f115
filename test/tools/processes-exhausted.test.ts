import path from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

/** Opens files until the system gives no more, then looks for itself. */
const script = (module: string) => `
const { openSync } = await import('node:fs');
const { inspectProcess } = await import(${JSON.stringify(module)});
await inspectProcess(process.pid);
try { for (;;) openSync('/dev/null'); } catch {}
const found = await inspectProcess(process.pid).catch(error => error);
process.stdout.write(found === undefined ? 'gone' : String(found.code));
process.exit();
`;

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a process that has no file descriptor left takes no other for gone', async () => {
  const module = path.resolve(import.meta.dirname, '../../src/tools/processes.ts');
  const { stdout } = await execa('sh', [
    '-c',
    'ulimit -n 64; exec "$0" --input-type=module --eval "$1"',
    process.execPath,
    script(module),
  ]);
  expect(stdout).toBe('EMFILE');
});
