import type { Button } from '@slack/types';
import { button } from './parts.ts';

/** A button that cancels a running backup of the bot. @param backup id of its action. */
export function cancelBackup(backup: string): Button {
  return button({
    text: 'Cancel backup',
    verb: 'cancel',
    value: backup,
    style: 'danger',
    confirm: {
      title: 'Cancel the backup?',
      text: `${backup} stops and leaves nothing behind. Sessions that wait for it go on.`,
      confirm: 'Cancel the backup',
    },
  });
}
