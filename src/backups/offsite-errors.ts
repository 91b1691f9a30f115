import { cut, oneLine } from '../../blocks/text.ts';
import { UserError } from '../errors.ts';
import type { Difference } from '../tools/rclone.ts';

const explanations: readonly { readonly when: RegExp; readonly message: string; readonly hint: string }[] = [
  {
    when: /didn't find section in config file|config file .* not found|failed to load config file/i,
    message: 'rclone’s configuration has no such remote',
    hint: 'Name the remote in backups.offsite as `rclone listremotes` shows it to the account of the bot, and the configuration’s path in backups.rclone_config.',
  },
  {
    when: /decrypt config|configuration password|RCLONE_CONFIG_PASS/i,
    message: 'rclone’s configuration is encrypted, and the bot has no password for it',
    hint: 'Put it into RCLONE_CONFIG_PASS in the environment of the bot.',
  },
  {
    when: /no space left|too big for remaining disk space|insufficient storage|quota|storage ?(?:limit|full)|\b507\b/i,
    message: 'there is no room left at the remote',
    hint: 'Make room there: the bot removes nothing at a remote.',
  },
  {
    when: /\b40[13]\b|access ?denied|unauthorized|forbidden|permission denied|couldn't (?:log ?in|connect SSH)|unable to authenticate|invalid_grant/i,
    message: 'the remote refused the bot’s credentials, or may not be written to with them',
    hint: 'Try `rclone lsd` with the same configuration as the account of the bot.',
  },
  {
    when: /connection refused|no such host|network is unreachable|i\/o timeout|connection reset|no route to host|timeout|deadline exceeded|EOF/i,
    message: 'the remote could not be reached, or broke off',
    hint: 'When it answers again, the copy goes on with the files that are missing.',
  },
];

/** Why rclone could not copy, without what may be secret in its words. */
export function copyFailed(remote: string, complaints: readonly string[]): UserError {
  const said = complaints.map(withoutSecrets);
  const known = explanations.find(({ when }) => said.some(line => when.test(line)));
  const why = known?.message ?? `rclone says: ${cut(oneLine(said.at(-1) ?? 'nothing'), 300)}`;
  return new UserError(`The backup could not be copied to ${remote}: ${why}.`, {
    ...(known && { hint: known.hint }),
    cause: said,
  });
}

/** More files are not named. */
const named = 3;

/** The remote holds something else than what was sent. */
export function copyDiffers(remote: string, differences: readonly Difference[]): UserError {
  const files = differences.slice(0, named).map(({ path, how }) => `${path} ${how}`);
  const more = differences.length > named ? ` and ${differences.length - named} more` : '';
  return new UserError(`The copy at ${remote} is not what was sent: ${files.join(', ')}${more}.`, {
    hint: 'It was sent twice. Do not trust that remote before you know why; the backup here is as it was.',
  });
}

/** URLs in errors carry names, passwords and signatures. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/(\w+:\/\/)[^\s/@"']*@/g, '$1…@')
    .replace(/(\w+:\/\/[^\s?"']+)\?[^\s"']*/g, '$1?…')
    .replace(/\b((?:pass(?:word)?|secret|token|key|signature|sig)\w*\s*[=:]\s*)[^\s,;"']+/gi, '$1…');
}
