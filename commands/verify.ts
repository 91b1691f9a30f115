import { z } from 'zod';
import { notProved, verifyOutcome, verifyPreview, verifyProgress, verifyResult } from '../blocks/verify.ts';
import { defineCommand } from '../src/command.ts';

export default defineCommand({
  name: 'verify',
  summary: 'prove that a backup can be restored, and how far that is proved',
  risk: 'routine',
  lane: 'verify',
  args: z.strictObject({
    backup: z
      .string()
      .min(1)
      .default('latest')
      .meta({ description: 'its name, the action that took it, or `latest`, the newest good one' }),
    level: z
      .enum(['files', 'readable', 'restored', 'counts', 'contents'])
      .default('contents')
      .meta({ description: 'how far to go: each level contains those before it; the last one unless told' }),
  }),
  positional: ['backup'],
  examples: ['verify', 'verify latest', 'verify A-1042 --level readable'],
  afterInterruption:
    'The backup is as it was; what the verification needed is removed when the bot starts. Ask again with `/db verify`.',
  async preview({ backup, level }, { verifications }) {
    return verifyPreview(await verifications.estimate(backup, level));
  },
  async run({ backup, level }, services) {
    const { action, verifications, signal } = services;
    const report = await verifications.verify(
      { backup, level, actionId: action.id },
      {
        signal,
        progress: steps => services.progress(verifyProgress(steps, { action: action.id, now: services.now() })),
      },
    );
    return {
      view: verifyResult(report, action.id),
      outcome: verifyOutcome(report),
      ...((report.problem !== null || notProved(report) !== undefined) && { failed: true }),
    };
  },
});
