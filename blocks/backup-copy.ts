import { context, fields, header, section } from './parts.ts';
import { bytes, code, duration, escapeMrkdwn } from './text.ts';
import type { View } from './view.ts';

/** A copy that was compared with its backup. */
interface CopyFacts {
  readonly backup: {
    readonly name: string;
    readonly manifest: { readonly bytes: number; readonly encryption: object | null };
  };
  readonly remote: string;
  readonly milliseconds: number;
}

/** Where the copy is, and what is known of it. */
export function copiedView({ backup, remote, milliseconds }: CopyFacts): View {
  const verdict = `Copied and compared: ${bytes(backup.manifest.bytes)} in ${duration(milliseconds / 1000)}`;
  const warning = 'It is not encrypted: whoever can read that remote can read the data.';
  const back =
    'Bring it back with `rclone copy` into the folder of the same name in BACKUP_DIR; `/db backups` then lists it.';
  return {
    text: [
      verdict,
      `${escapeMrkdwn(backup.name)} is at ${escapeMrkdwn(remote)}, each file compared there.`,
      ...(backup.manifest.encryption ? [] : [warning]),
    ].join('\n'),
    blocks: [
      header(verdict),
      ...(backup.manifest.encryption ? [] : [section(`:warning: ${warning}`)]),
      fields([
        ['Backup', code(backup.name, 500)],
        ['At', code(remote, 500)],
      ]),
      context(`Each file was compared there. ${back}`),
    ],
  };
}

/** One plain-text sentence for the audit record. */
export function copyOutcome({ backup, remote, milliseconds }: CopyFacts): string {
  return `backup ${backup.name} copied to ${remote} and compared: ${bytes(backup.manifest.bytes)} in ${duration(milliseconds / 1000)}`;
}
