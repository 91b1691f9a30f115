import { fork } from 'node:child_process';
import { once } from 'node:events';
import { secondsToMilliseconds } from 'date-fns/secondsToMilliseconds';
import type { Chart, Charts } from './chart.ts';

/** A picture takes a second; a process that is silent for this long is ended, milliseconds. */
const usualPatience = secondsToMilliseconds(20);

const flags = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=128'];

/**
 * Draws one chart after the other, each in a process of its own, with nothing of this one's environment. The libraries
 * take 80 MB, of which a thread's end gave nothing back to the system (measured on Node 24).
 *
 * @param options.patience milliseconds after which a process that has not drawn its chart is ended.
 */
export function openCharts({ patience = usualPatience }: { readonly patience?: number } = {}): Charts {
  let last: Promise<unknown> = Promise.resolve();
  return {
    draw(chart) {
      const picture = last.then(() => drawn(chart, patience));
      last = picture.catch(() => undefined);
      return picture;
    },
  };
}

async function drawn(chart: Chart, patience: number): Promise<Uint8Array> {
  const renderer = fork(new URL('./render.ts', import.meta.url), {
    execArgv: flags,
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  const said: string[] = [];
  renderer.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const ended = once(renderer, 'close');
  let picture: unknown;
  renderer.once('message', message => {
    picture = message;
  });
  renderer.send(chart, () => undefined); // one that cannot be reached has ended, and says why
  await ended;
  if (picture instanceof Uint8Array) return picture;
  throw new Error(`the chart's process ended without a picture: ${said.join('').slice(0, 2_000)}`);
}
