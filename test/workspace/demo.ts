/** `npm run demo`: an incident to play with, in the browser or as a script in the terminal. */
import { once } from 'node:events';
import { constants } from 'node:os';
import { type DemoOptions, Misuse, readArguments, usage } from './demo/arguments.ts';
import { type Incident, openIncident } from './demo/incident.ts';
import { StepFailed, tellStory } from './demo/story.ts';
import { Terminal } from './demo/terminal.ts';

const exitCodes = { answered: 0, failed: 1, misused: 2 } as const;

/** A signal asks the demo to end. */
class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP';

  constructor(signal: Interrupted['signal']) {
    super(signal);
    this.signal = signal;
  }
}

async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const options = readArguments(argv);
  if (options.help) {
    process.stdout.write(usage);
    return exitCodes.answered;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => ending.abort(new Interrupted(signal)));
  }
  const { port, small, verbose } = options;
  const opening = openIncident({ port, small, verbose, signal: ending.signal, say: line => terminal.say(line) });
  const incident = await opening.catch(error => {
    throw ending.signal.aborted ? ending.signal.reason : error;
  });
  try {
    return await play(incident, options, ending, terminal);
  } finally {
    terminal.say('Stopping everything …');
    await incident.close();
  }
}

/** The steps, then the page for as long as somebody wants it. */
async function play(
  incident: Incident,
  options: DemoOptions,
  ending: AbortController,
  terminal: Terminal,
): Promise<number> {
  const { signal } = ending;
  void incident.bot.ended.then(async ({ how }) => {
    ending.abort(new Error(`The bot ended ${how}.\n${await incident.lastLogged()}`));
  });
  const scripted = options.steps.length > 0;
  const code = scripted ? await told(incident, options, signal, terminal) : exitCodes.answered;
  if (scripted && !options.keep) return code;
  terminal.welcome(incident);
  if (!signal.aborted) await once(signal, 'abort');
  if (signal.reason instanceof Interrupted) return code;
  throw signal.reason;
}

async function told(incident: Incident, { steps }: DemoOptions, signal: AbortSignal, terminal: Terminal) {
  const { slack, pids } = incident;
  const fine = await tellStory(steps, {
    slack,
    pids,
    signal,
    begins: what => terminal.heading(what),
    shows: fresh => terminal.messages(fresh, slack),
    showsModal: view => terminal.modal(view),
    goesOn: line => terminal.say(line),
  }).catch(error => {
    if (!(error instanceof StepFailed)) throw error;
    terminal.complain(error.message);
    return false;
  });
  for (const { rule, detail } of slack.violations) terminal.complain(`Slack would not accept this: ${rule}, ${detail}`);
  return fine && slack.violations.length === 0 ? exitCodes.answered : exitCodes.failed;
}

/** A reader that goes away, as `head` does or a closed terminal, must not end the demo before it has cleaned up. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const terminal = new Terminal();
const code = await main(process.argv.slice(2), terminal).catch((error: Error) => {
  if (error instanceof Interrupted) return 128 + constants.signals[error.signal];
  terminal.complain(error.message);
  if (!(error instanceof Misuse)) return exitCodes.failed;
  terminal.say('npm run demo -- --help shows what it knows.');
  return exitCodes.misused;
});
process.exit(code);
