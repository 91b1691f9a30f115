/** The program age, which encrypts files to public keys. https://github.com/FiloSottile/age */
import { open, rm } from 'node:fs/promises';
import { cut, oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import { type ProgramEnd, runClientProgram } from './client-program.ts';
import { programOnPath } from './on-path.ts';

const howToInstall =
  'Install it there: `apt-get install age` (Debian, Ubuntu), `dnf install age` or `brew install age`, then ask again.';

/** What one run of age reads and writes. */
export interface AgeFile {
  /** Path of age. */
  readonly program: string;
  readonly source: string;
  /** Made anew, readable by the account of the bot alone; removed again when it could not be written whole. */
  readonly destination: string;
  readonly signal: AbortSignal;
  /** Called with its process id. */
  readonly started?: (pid: number) => Promise<void>;
}

/** The path of age. @throws UserError that says how to install it. */
export function findAge(): Promise<string> {
  return programOnPath('age', howToInstall);
}

/**
 * Encrypts a file. age reads and writes the files itself, nothing passes through this process.
 *
 * Measured with age 1.1.1: 1.0 s a gigabyte on one core to encrypt, 0.7 s of its processor to decrypt.
 *
 * @param recipients public keys, each of whose private keys alone can decrypt it.
 * @throws UserError with age's words.
 */
export async function encryptFile(file: AgeFile & { readonly recipients: readonly string[] }): Promise<void> {
  const end = await runAge(file, ['--encrypt', ...file.recipients.flatMap(recipient => ['--recipient', recipient])]);
  if (end.failed) throw new UserError(`A file could not be encrypted: ${wordsOf(end)}`, { cause: end });
}

/**
 * Decrypts a file, and with that proves that none of it was changed: age authenticates each 64 KiB.
 *
 * @param identityFile path of the file with the private key; age reads it, this process never does.
 * @throws UserError that says what to do, without a word of what the identity file holds.
 */
export async function decryptFile(file: AgeFile & { readonly identityFile: string }): Promise<void> {
  const end = await runAge(file, ['--decrypt', '--identity', file.identityFile]);
  if (end.failed) throw explainDecryption(end, file.identityFile);
}

/**
 * Decrypts a file to nowhere: what that would refuse later is known now.
 * @throws UserError as `decryptFile` does.
 */
export async function tryToDecrypt({
  program,
  source,
  signal,
  identityFile,
}: Pick<AgeFile, 'program' | 'source' | 'signal'> & { readonly identityFile: string }): Promise<void> {
  const argv = ['--decrypt', '--identity', identityFile, '--', source];
  const end = await runClientProgram(program, argv, { environment: {}, signal });
  signal.throwIfAborted();
  if (end.failed) throw explainDecryption(end, identityFile);
}

async function runAge({ program, source, destination, signal, started }: AgeFile, how: string[]): Promise<ProgramEnd> {
  signal.throwIfAborted();
  // age makes no file at all of nothing, and one with the usual mode of anything else.
  await (await open(destination, 'wx', 0o600)).close();
  const whole = await runClientProgram(program, [...how, '--output', destination, '--', source], {
    environment: {},
    signal,
    ...(started && { started }),
  }).catch(async error => {
    await rm(destination, { force: true });
    throw error;
  });
  if (whole.failed) await rm(destination, { force: true });
  signal.throwIfAborted();
  return whole;
}

const ofIdentity: readonly { readonly when: RegExp; readonly says: string; readonly hint: string }[] = [
  {
    when: /no identity matched/,
    says: 'holds no key that the backup was encrypted to',
    hint: 'The manifest’s `encryption.recipients` names its public keys; `age-keygen -y` prints that of an identity file. Name the right file in backups.age_identity_file.',
  },
  {
    when: /no such file or directory/,
    says: 'is not there',
    hint: 'Name the file with age’s private key in backups.age_identity_file, as the account of the bot sees it.',
  },
  {
    when: /permission denied/,
    says: 'may not be read by the account of the bot',
    hint: 'Give it to that account: `chown` it, and `chmod 600`.',
  },
  {
    when: /passphrase/,
    says: 'is protected by a passphrase, which nobody is there to type',
    hint: 'Name an identity file without one, on an encrypted disk.',
  },
  {
    when: /reading "/,
    says: 'is no identity file of age',
    hint: 'It has one line that begins with AGE-SECRET-KEY-1, as `age-keygen` writes it.',
  },
];

function explainDecryption(end: ProgramEnd, identityFile: string): UserError {
  const said = end.complaints.join(' ');
  const identity = ofIdentity.find(({ when }) => when.test(said));
  // What age says of an identity file may quote it: only its exit code is kept.
  if (identity && (said.includes(identityFile) || identity.when.source === 'no identity matched')) {
    return new UserError(`The identity file ${identityFile} ${identity.says}.`, { hint: identity.hint });
  }
  if (/authenticate|failed to read header|intro|unexpected EOF/.test(said)) {
    return new UserError('A file of the backup is damaged: age cannot authenticate it.', {
      hint: 'Take another backup, or fetch an offsite copy of this one. Which files changed, `sha256sum --check SHA256SUMS` in its folder says.',
      cause: end,
    });
  }
  return new UserError(`A file could not be decrypted: ${wordsOf(end)}`, { cause: end });
}

/** age's own words, without the line that asks for a report. */
function wordsOf({ complaints, exitCode, signal }: ProgramEnd): string {
  const said = complaints
    .filter(line => !line.includes('filippo.io/age/report'))
    .map(line => line.replace(/^age: error: /, ''));
  return said.length > 0 ? cut(oneLine(said.join(' ')), 300) : `age ended with ${exitCode ?? signal}`;
}
