import { z } from 'zod';
import { backupProgress } from '../blocks/backup.ts';
import { copiedView, copyOutcome } from '../blocks/backup-copy.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'backup-copy',
  summary: 'copy a backup to the configured remote, and compare the copy with it',
  risk: 'routine',
  lane: 'backup',
  args: z.strictObject({
    backup: z
      .string()
      .min(1)
      .max(255)
      .meta({ description: 'the name of its folder, the action that took it, or latest' }),
  }),
  positional: ['backup'],
  examples: ['backup-copy latest', 'backup-copy A-1042'],
  afterInterruption: 'What was copied stays at the remote. Ask again: only what is missing is sent.',
  async run({ backup }, services) {
    const { action, target, backups, signal } = services;
    const about = { action: action.id, target: target.name };
    const copy = await backups.copy(backup, {
      signal,
      progress: (bytesDone, bytesTotal) => {
        const steps = { ...copying, bytesDone, bytesTotal };
        services.progress(backupProgress(steps, { ...about, now: services.now() }));
      },
    });
    return { view: copiedView(copy), outcome: copyOutcome(copy) };
  },
});

const copying = {
  phase: 'copying',
  tablesDone: 0,
  tablesTotal: 0,
  currentTables: [],
  blockers: [],
  estimatedEnd: undefined,
} as const;
