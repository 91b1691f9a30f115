import { z } from 'zod';
import { pinnedView, pinOutcome, unpinnedView } from '../blocks/backup-pin.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'backup-pin',
  summary: 'keep a backup for ever, or with --remove only as long as the settings say',
  risk: 'routine',
  args: z.strictObject({
    backup: z
      .string()
      .min(1)
      .max(255)
      .meta({ description: 'the name of its folder, the action that took it, or latest' }),
    remove: z.boolean().default(false).meta({ description: 'take the pin away' }),
  }),
  positional: ['backup'],
  examples: [
    'backup-pin latest --reason "the state before the merger"',
    'backup-pin A-1042',
    'backup-pin A-1042 --remove',
  ],
  afterInterruption: '`/db backups` shows whether it is pinned.',
  async run({ backup, remove }, { catalogue, action }) {
    const { requester: by, reason } = action;
    const found = remove ? await catalogue.unpin(backup) : await catalogue.pin({ backup, by, reason });
    return { view: remove ? unpinnedView(found) : pinnedView(found), outcome: pinOutcome(found, remove) };
  },
});
