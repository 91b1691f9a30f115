import { z } from 'zod';
import { killCard, killConfirm, killOutcome, killResultView, killSummary } from '../blocks/kill.ts';
import { defineCommand, UserError } from '../src/command.ts';

/** PostgreSQL's pids are int4. */
const pid = z.int().min(1).max(2_147_483_647);

/** UTC with the server's six digits, as text: a Date would lose three. */
const moment = z.iso.datetime({ precision: 6 });

const otherBackend = z.strictObject({
  pid: z.int().min(0),
  user: z.string().nullable(),
  application: z.string().nullable(),
  seconds: z.number().nullable(),
});

const planned = z.strictObject({
  /** What must still be so when the signal is sent. */
  condition: z.strictObject({
    pid,
    backendStart: moment,
    work: moment.nullable(),
    mode: z.enum(['cancel', 'terminate']),
  }),
  backend: z.object({
    user: z.string().nullable(),
    database: z.string().nullable(),
    application: z.string().nullable(),
    client: z.string().nullable(),
    state: z.string().nullable(),
    waitEvent: z.string().nullable(),
    stateChange: moment.nullable(),
    stateSeconds: z.number().nullable(),
    transactionStart: moment.nullable(),
    transactionSeconds: z.number().nullable(),
    queryStart: moment.nullable(),
    hasWritten: z.boolean(),
    query: z.string(),
  }),
  blocks: z.array(otherBackend),
  blockedBy: z.array(otherBackend),
  warnings: z.array(z.string()),
  statement: z.string(),
});

export default defineCommand({
  name: 'kill',
  summary: 'end a backend, or with --cancel only its running query',
  risk: 'destructive',
  args: z.strictObject({
    pid: pid.meta({ description: 'process id of the backend, as `/db status` shows it' }),
    cancel: z.boolean().default(false).meta({ description: 'stop the running query and leave the connection open' }),
  }),
  positional: ['pid'],
  examples: ['kill 4711', 'kill 4711 --cancel'],
  planned,
  afterInterruption: 'Type `/db status` to see whether the backend is still there before asking again.',
  async plan({ pid: wanted, cancel }, { backends }) {
    const judgement = await backends.judge(wanted, cancel ? 'cancel' : 'terminate');
    if (judgement.verdict === 'refused') throw new UserError(judgement.reason, { hint: judgement.hint });
    const { backend, blocks, blockedBy, condition, statement, warnings } = judgement;
    return planned.parse({ condition, backend, blocks, blockedBy, warnings, statement });
  },
  card: plan => ({
    summary: killSummary(plan),
    statement: plan.statement,
    view: killCard(plan),
    confirm: killConfirm(plan),
  }),
  async run(plan, { backends }) {
    const result = await backends.signal(plan.condition, plan.statement);
    const { pid: ended, mode } = plan.condition;
    const freed = result.released.length > 0 ? ` Released: ${result.released.map(other => other.pid).join(', ')}.` : '';
    return { view: killResultView(plan, result), outcome: `${killOutcome(ended, mode, result)}${freed}` };
  },
});
