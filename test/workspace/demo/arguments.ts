import { DEFAULT_PEOPLE } from '../people.ts';

/** One thing that somebody does; `by` is a person's name. */
export type Step =
  | { readonly is: 'type'; readonly by: string; readonly text: string }
  | { readonly is: 'approve' | 'withdraw' | 'wait'; readonly by: string }
  | { readonly is: 'deny'; readonly by: string; readonly reason: string }
  | { readonly is: 'click'; readonly by: string; readonly label: string };

/** What the demo was asked to do; without steps it waits for people on the page. */
export interface DemoOptions {
  readonly steps: readonly Step[];
  readonly help: boolean;
  readonly keep: boolean;
  readonly verbose: boolean;
  /** A portal of 40 users instead of 50,000, which is there at once; for tests. */
  readonly small: boolean;
  /** `undefined` takes the usual port, or any other when that is in use. */
  readonly port: number | undefined;
}

/** The demo was called in a way that it does not know. */
export class Misuse extends Error {}

export const usage = `npm run demo                         opens a local Slack in the browser, with a real bot and a real PostgreSQL
npm run demo -- '/db status'         types this in #incident, prints the answer and ends
npm run demo -- STEP STEP …          does one step after another

Steps
  '/db …'  '@db …'    types it in #incident; {idle} and {blocked} stand for the pids of the incident
  approve             approves the newest request (ben, unless --as says who)
  deny "REASON"       denies it (ben, unless --as says who)
  withdraw            takes it back
  wait                waits until somebody on the page has decided it
  click "LABEL"       presses the newest button with this label

Options
  --as NAME           who acts from here on: ${DEFAULT_PEOPLE.map(person => person.name).join(', ')}; ada at first
  --keep              goes on after the steps, with the page, until Ctrl-C
  --port NUMBER       the port of the page, 8055 unless it is in use
  --verbose           shows the bot's log here instead of writing it to a file

Ends with 0 when everything was answered, 1 when something was refused or failed, 2 when this was called wrongly.

A whole story:
  npm run demo -- '/db kill {idle} --reason "blocks the deploy"' approve '/db status'
`;

/**
 * Reads the demo's own command line.
 * @throws Misuse that says what is wrong with it.
 */
export function readArguments(argv: readonly string[]): DemoOptions {
  const steps: Step[] = [];
  let [help, keep, verbose, small] = [false, false, false, false];
  let port: number | undefined;
  let as: string | undefined;
  const rest = argv.values();
  const following = (word: string, what: string): string => {
    const { value, done } = rest.next();
    if (done || value.trim() === '') throw new Misuse(`${word} needs ${what} after it.`);
    return value;
  };
  for (const word of rest) {
    switch (word) {
      case '--help':
      case '-h':
        help = true;
        break;
      case '--keep':
        keep = true;
        break;
      case '--verbose':
        verbose = true;
        break;
      case '--small':
        small = true;
        break;
      case '--port':
        port = portNumber(following(word, 'a number'));
        break;
      case '--as':
        as = nameOf(following(word, 'a name'));
        break;
      case 'approve':
        steps.push({ is: word, by: as ?? 'ben' });
        break;
      case 'deny':
        steps.push({ is: word, by: as ?? 'ben', reason: following(word, 'a reason') });
        break;
      case 'withdraw':
      case 'wait':
        steps.push({ is: word, by: as ?? 'ada' });
        break;
      case 'click':
        steps.push({ is: word, by: as ?? 'ada', label: following(word, "a button's label") });
        break;
      default:
        if (!/^(\/|@db\b)/.test(word)) throw new Misuse(`The demo does not know “${word}”.`);
        steps.push({ is: 'type', by: as ?? 'ada', text: word });
    }
  }
  return { steps, help, keep, verbose, small, port };
}

function portNumber(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) throw new Misuse(`“${text}” is no port: a number from 1 to 65535.`);
  return port;
}

function nameOf(name: string): string {
  const names = DEFAULT_PEOPLE.map(person => person.name);
  if (!names.includes(name)) throw new Misuse(`There is nobody named “${name}”; there are ${names.join(', ')}.`);
  return name;
}
