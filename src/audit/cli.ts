/** `npm run audit`: the record without Slack, from the store itself. Exit codes for scripts. */
import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readStoreEnvironment, withoutBlanks } from '../config/environment.ts';
import { Problems } from '../config/problems.ts';
import { UserError } from '../errors.ts';
import { openStore, type Store, type StoreAddress } from '../store/store.ts';
import { exported } from './export.ts';
import { auditKey } from './key.ts';
import { orderOf } from './order.ts';
import { RecordQueries } from './reader.ts';
import type { Verification } from './verification.ts';
import { verifyRecord } from './verify.ts';

/** 64 is EX_USAGE of sysexits.h. */
const exitCodes = { whole: 0, differs: 1, failed: 2, usage: 64 } as const;

const usage = `npm run audit -- verify                                        is the record as it was written?
npm run audit -- export [--since 7d] [--csv | --jsonl]         the record on standard output, newest first; CSV unless told

STORE_URL names the store, and AUDIT_KEY the key of its checkpoint, as for the bot.
Exit codes: 0 whole, or exported; 1 the record differs; 2 it could not be read; 64 not understood.`;

/** @returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const order = orderOf(args, Date.now());
  if (order === undefined) {
    console.error(usage);
    return exitCodes.usage;
  }
  try {
    const problems = new Problems();
    const environment = readStoreEnvironment(withoutBlanks(process.env), problems);
    problems.throwIfAny();
    if (environment === undefined) throw new Error('a problem was not told');
    const { STORE_URL: address, AUDIT_KEY } = environment;
    const store = await open(address);
    try {
      if (order.verb === 'verify') return await verify(store, auditKey(AUDIT_KEY, address, { create: false }));
      await write(exported(new RecordQueries(store.db).all({ since: order.since }), order.format));
      return exitCodes.whole;
    } finally {
      await store.close();
    }
  } catch (error) {
    // Anything else that Node would end with is 1, which says that the record differs.
    if (!(error instanceof UserError)) console.error('The record could not be read:', error);
    else console.error(error.hint ? `${error.message}\n${error.hint}` : error.message);
    return exitCodes.failed;
  }
}

/** Never makes a store: a record that is not there is not whole. */
async function open(address: StoreAddress): Promise<Store> {
  if (address.engine === 'sqlite' && !existsSync(address.file)) {
    throw new UserError(`There is no store ${address.file}.`, { hint: 'STORE_URL names it, as for the bot.' });
  }
  try {
    return await openStore(address, { asItIs: true });
  } catch (cause) {
    if (!(cause instanceof UserError) || !cause.message.includes('in use')) throw cause;
    throw new UserError(`${cause.message} The bot holds a store in a file for itself alone, even against readers.`, {
      hint: 'Type `/db audit verify` or `/db audit --csv` in Slack, or stop the bot first. A store in PostgreSQL can be read while bots run.',
      cause,
    });
  }
}

async function verify(store: Store, key: Buffer | undefined): Promise<number> {
  const signal = new AbortController().signal;
  const verification = await verifyRecord(store.db, { key, now: Date.now, signal, progress: () => {} });
  console.log(report(verification).join('\n'));
  return verification.found === 0 ? exitCodes.whole : exitCodes.differs;
}

function report({ events, actions, head, checkpoint, differences, found }: Verification): string[] {
  const left = found - differences.length;
  return [
    found === 0 ? 'The record is whole.' : `The record differs in ${found} places. First:`,
    ...differences.map(({ how, says }) => `  ${how}: ${says}`),
    ...(left > 0 ? [`  and ${left} more after them`] : []),
    `${events} hashes computed anew, ${actions} actions compared with their events.`,
    ...(head ? [`The newest event is #${head.seq} ${head.hash}.`] : []),
    ...(checkpoint
      ? [`Up to #${checkpoint.seq} it was purged, last on ${new Date(checkpoint.at).toISOString()}.`]
      : []),
    'The audit channel was not looked at: `/db audit verify` in Slack does that.',
  ];
}

async function write(lines: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(lines), process.stdout, { end: false });
  } catch (error) {
    // Whoever read it has seen enough: `| head`.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
}

process.exitCode = await main(process.argv.slice(2));
