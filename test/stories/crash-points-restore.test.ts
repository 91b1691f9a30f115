/** A bot's process dies in a restore, in its undo, and while what was set aside is dropped. */
import { cleaning, openRestoreOffice, restoring, undoing } from './fixtures/crash-restores.ts';
import { crashTests } from './fixtures/crash-tests.ts';

await crashTests('sqlite', process.env.CRASH_POINTS === 'all', {
  open: openRestoreOffice,
  stories: [
    {
      name: 'a restore runs',
      play: restoring,
      points: [
        { name: 'its database is made', when: 'after', step: 'CREATE DATABASE', leaves: 'interrupted' },
        { name: 'the swap is sent', when: 'before', step: 'answer to the swap', leaves: 'interrupted' },
        { name: 'the migrations run', when: 'after', step: 'start of the hook migrate', leaves: 'interrupted' },
        { name: 'its end is written', when: 'after', step: 'write succeeded', leaves: 'succeeded' },
      ],
    },
    {
      name: 'a restore is undone',
      play: undoing,
      points: [
        { name: 'the way back is marked', when: 'after', step: 'COMMENT ON DATABASE', leaves: 'interrupted' },
        { name: 'the swap is sent', when: 'before', step: 'answer to the swap', leaves: 'interrupted' },
      ],
    },
    {
      name: 'what was set aside is dropped',
      play: cleaning,
      points: [{ name: 'it is to go', when: 'before', step: 'DROP DATABASE', leaves: 'interrupted' }],
    },
  ],
});
