import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { StoreAddress } from '../store/store.ts';

/** 32 random bytes, as the file holds them. */
const inFile = z
  .string()
  .trim()
  .regex(/^[0-9a-f]{64}$/);

const notThere = z.object({ code: z.literal('ENOENT') });

/** Where the key is when AUDIT_KEY is not set: beside SQLite's file. */
function fileBeside(store: StoreAddress): string | undefined {
  return store.engine === 'sqlite' ? `${store.file}.audit-key` : undefined;
}

/**
 * The key that signs checkpoints: AUDIT_KEY, or a file beside SQLite's, readable by its owner only.
 * @param create whether to make the file where there is none.
 * @returns `undefined` when there is no key.
 * @throws UserError when the file cannot be read or made, or holds no key.
 */
export function auditKey(
  variable: string | undefined,
  store: StoreAddress,
  { create }: { readonly create: boolean },
): Buffer | undefined {
  if (variable !== undefined) return Buffer.from(variable, 'utf8');
  const path = fileBeside(store);
  if (path === undefined) return undefined;
  try {
    const text = readIfThere(path) ?? (create ? newKey(path) : undefined);
    return text === undefined ? undefined : Buffer.from(inFile.parse(text), 'hex');
  } catch (cause) {
    throw new UserError(`The audit record's key ${path} cannot be used.`, {
      hint: 'It is one line of 64 hexadecimal digits, readable by the user that the bot runs as. Restore it from a backup: checkpoints that were signed with it can be checked by it alone.',
      cause,
    });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (notThere.safeParse(error).success) return undefined;
    throw error;
  }
}

/** On disk before anything is signed with it: a checkpoint without its key could never be checked. */
function newKey(path: string): string {
  const key = randomBytes(32).toString('hex');
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, `${key}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return key;
}
