import { z } from 'zod';
import {
  rollbackCard,
  rollbackConfirm,
  rollbackOutcome,
  rollbackResultView,
  rollbackSummary,
} from '../blocks/prepared.ts';
import { defineCommand, UserError } from '../src/command.ts';

const gid = z.string().min(1).max(200);

const planned = z.strictObject({
  /** What must still be so when it is rolled back. */
  condition: z.strictObject({
    gid,
    transaction: z.string().regex(/^\d{1,20}$/),
    owner: z.string(),
    database: z.string(),
    /** UTC with the server's six digits, as text: a Date would lose three. */
    preparedAt: z.iso.datetime({ precision: 6 }),
    asOwner: z.boolean(),
  }),
  seconds: z.number(),
  locks: z.array(z.string()),
  heldUp: z.strictObject({ sessions: z.int().nonnegative(), longestSeconds: z.number() }),
  statement: z.string(),
});

export default defineCommand({
  name: 'rollback-prepared',
  summary: 'end a prepared transaction that its coordinator left behind',
  risk: 'destructive',
  args: z.strictObject({
    gid: gid.meta({ description: 'its name, as `/db locks` shows it; in quotes where it has spaces' }),
  }),
  positional: ['gid'],
  examples: ['rollback-prepared pay-42', 'rollback-prepared "pay 42" --reason "its coordinator is gone"'],
  planned,
  afterInterruption: 'Type `/db locks` to see whether the prepared transaction is still there before asking again.',
  async plan({ gid: wanted }, { prepared, locks }) {
    const judgement = await prepared.judge(wanted);
    if (judgement.verdict === 'refused') throw new UserError(judgement.reason, { hint: judgement.hint });
    const { roots } = await locks.read();
    const root = roots.find(({ nodes }) => nodes[0].gid === wanted);
    const { condition, statement, transaction } = judgement;
    return planned.parse({
      condition,
      seconds: transaction.seconds,
      locks: transaction.locks,
      heldUp: { sessions: root?.heldUp ?? 0, longestSeconds: root?.longestSeconds ?? 0 },
      statement,
    });
  },
  card: plan => ({
    summary: rollbackSummary(plan),
    statement: plan.statement,
    view: rollbackCard(plan),
    confirm: rollbackConfirm(plan),
  }),
  async run(plan, { prepared }) {
    await prepared.rollBack(plan.condition, plan.statement);
    return { view: rollbackResultView(plan), outcome: rollbackOutcome(plan) };
  },
});
