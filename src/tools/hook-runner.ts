/**
 * Runs one hook on behalf of the bot: `node hook-runner.ts <milliseconds> program argument…`. When its standard input is
 * closed, by the bot or by the end of the bot, however that ended, the hook gets SIGTERM, and SIGKILL when it is still
 * there after so many milliseconds. Ends as the hook did; with 127, as a shell would, when there is no such program.
 */
import { spawn } from 'node:child_process';

const [patience, program = '', ...argv] = process.argv.slice(2);
const hook = spawn(program, argv, { stdio: ['ignore', 'inherit', 'inherit'] });

hook.once('error', error => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 127;
  process.stdin.destroy();
});
hook.once('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
process.stdin.once('end', () => {
  hook.kill('SIGTERM');
  setTimeout(() => hook.kill('SIGKILL'), Number(patience));
});
process.stdin.resume();
