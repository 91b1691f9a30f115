/**
 * Runs one hook on behalf of the bot: `node hook-runner.ts <milliseconds> program argument…`. When its standard input is
 * closed, by the bot or by the end of the bot, however that ended, the hook and all that it started get SIGTERM, and
 * SIGKILL when something of them is still there after so many milliseconds. Exit codes are those of a shell: the hook's
 * own, 128 and the signal's number for one that a signal ended, 127 when there is no such program.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** What a hook leaves behind, such as the application that it started, may hold its output for ever. Milliseconds. */
const lastWords = 1_000;
const lookEvery = 20;

const [patience, program = '', ...argv] = process.argv.slice(2);
let ending: Promise<void> | undefined;

// What ends the bot may signal everything of it: this waits for the hook, and the end of its input tells it enough.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

const hook = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
hook.stdout.pipe(process.stdout);
hook.stderr.pipe(process.stderr);
const outputEnded = new Promise(resolve => hook.once('close', resolve));

hook.once('error', error => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
hook.once('exit', (code, signal) => {
  void leave(signal ? 128 + constants.signals[signal] : (code ?? 1));
});
process.stdin.once('end', () => {
  ending = endGroup();
});
process.stdin.resume();

async function leave(exitCode: number): Promise<void> {
  await ending;
  await Promise.race([outputEnded, pause(lastWords)]);
  process.exit(exitCode);
}

async function endGroup(): Promise<void> {
  const deadline = performance.now() + Number(patience);
  let remains = signalGroup('SIGTERM');
  while (remains && performance.now() < deadline) {
    await pause(lookEvery);
    remains = signalGroup(0);
  }
  if (remains) signalGroup('SIGKILL');
}

/** @returns whether there was anything of the hook's process group; 0 looks only. kill(2) */
function signalGroup(signal: NodeJS.Signals | 0): boolean {
  if (hook.pid === undefined) return false;
  try {
    return process.kill(-hook.pid, signal);
  } catch {
    return false;
  }
}
