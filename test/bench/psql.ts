import path from 'node:path';
import { execa } from 'execa';
import { parseConnectionUrl, toEnvironment } from '../../src/postgres/connection-url.ts';

/** One psql that stays connected, as a person has it open. */
export interface Psql extends AsyncDisposable {
  /** Runs a statement and throws its rows away; milliseconds, as `\timing` says. */
  time(statement: string): Promise<number>;
}

/**
 * Opens psql on a database. Just-in-time compilation is off, as it is for the bot: it would only make psql slower.
 * https://www.postgresql.org/docs/current/app-psql.html
 */
export function openPsql(bin: string, url: string): Psql {
  const psql = execa(path.join(bin, 'psql'), ['--no-psqlrc', '--quiet', '--no-password'], {
    env: { PATH: process.env.PATH, ...psqlEnvironment(url) },
    extendEnv: false,
    stdin: 'pipe',
    buffer: false,
    reject: false,
  });
  const lines = psql.iterable({ from: 'stdout' });
  psql.stdin.write('\\timing on\n\\o /dev/null\n');
  return {
    async time(statement) {
      psql.stdin.write(`${statement.trim()};\n`);
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error('psql has ended');
        const milliseconds = /^Time: ([\d.]+) ms/.exec(String(value))?.[1];
        if (milliseconds !== undefined) return Number(milliseconds);
      }
    },
    async [Symbol.asyncDispose]() {
      psql.stdin.end();
      await psql;
    },
  };
}

/** Starts psql for one statement: connecting included, as in a shell. */
export async function runPsql(bin: string, url: string, statement: string): Promise<void> {
  await execa(
    path.join(bin, 'psql'),
    ['--no-psqlrc', '--no-password', '--output=/dev/null', `--command=${statement}`],
    {
      env: { PATH: process.env.PATH, ...psqlEnvironment(url) },
      extendEnv: false,
      stdin: 'ignore',
    },
  );
}

function psqlEnvironment(url: string): Record<string, string> {
  return { ...toEnvironment(parseConnectionUrl(url)), PGOPTIONS: '-c jit=off' };
}
