/** The kinds of value that encryption and offsite copies take. */
import { z } from 'zod';
import { isBech32 } from './bech32.ts';

/** A private key in the place of something else is not repeated, as no value is; it is named for what it is. */
const privateKey = /AGE-SECRET-KEY-/i;

/** A public key of age, `age1…`. A mistyped one is told at start: age itself would refuse it only after the dump. */
export const ageRecipient = z.string().transform((text, context) => {
  const recipient = text.trim();
  if (isBech32(recipient, 'age')) return recipient;
  const message = privateKey.test(text)
    ? 'holds a private key. Put the public key here (age1…), which age-keygen -y prints, and take that private key for known to others.'
    : 'must be a public key of age: age1 and 58 letters and digits; this one is mistyped or of another kind.';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The path of the file with age's private keys. */
export const ageIdentityFile = z
  .string()
  .min(1)
  .refine(text => !privateKey.test(text), 'must be the path of a file that holds the private key, never the key.');

/**
 * A remote that rclone's configuration names, and a folder there. Connection strings (`:s3,secret_access_key=…:`) are
 * refused: they would put secrets into the arguments of a process, for all accounts of the host to read.
 * https://rclone.org/docs/#syntax-of-remote-paths
 */
export const rcloneRemote = z
  .string()
  .regex(
    /^\w[\w.+@-]*(?: [\w.+@-]+)*:[^\r\n\0]*$/,
    'must be a remote that rclone’s configuration names, a colon and a folder there; options and secrets belong into that configuration.',
  )
  .transform(remote => remote.replace(/(?<=[^:/])\/+$/, ''));

/** Bytes a second as rclone reads them: `8M` is 8 MiB; or by the time of day: `08:00,1M 19:00,off`. */
export const rcloneBandwidth = z
  .string()
  .regex(
    /^(?:\d+(?:\.\d+)?[BKMGT]?|(?:\d\d:\d\d,(?:\d+(?:\.\d+)?[BKMGT]?|off)(?: |$))+)$/,
    'must be bytes a second with B, K, M or G, or such a limit for each time of day.',
  );
