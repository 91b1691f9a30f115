import { z } from 'zod';
import { oneWord } from '../../blocks/next-step.ts';
import type { PageFinding } from '../../blocks/page.ts';
import { mayNotEnd } from '../../blocks/refusal.ts';
import { code, count, duration, statement } from '../../blocks/text.ts';
import type { Thresholds } from '../target-settings.ts';
import { advised, grantMonitor, inOrder } from './advised.ts';
import { refusalNames } from './backend-rules.ts';
import { above } from './finding.ts';

/** What holds back vacuum: it may not remove a row that this could still want to see. */
export const holderSchema = z.strictObject({
  kind: z.enum(['session', 'standby', 'prepared', 'slot']),
  pid: z.int().nullable(),
  /** Application name, gid, or slot name. */
  name: z.string().nullable(),
  owner: z.string().nullable(),
  database: z.string().nullable(),
  state: z.string().nullable(),
  /** How long its transaction is open. */
  seconds: z.number().nullable(),
  /** In transactions. */
  age: z.int().nonnegative(),
  /** Rows of the system catalogs alone, as a logical slot's catalog_xmin does; those of all other tables go. */
  catalogsOnly: z.boolean(),
  /** Whether the bot would do so, when asked; a prepared transaction. */
  mayRollBack: z.boolean(),
  /** For a lock: who holds it up is to be ended. */
  waits: z.boolean(),
  /** Why the bot would not end it, when asked; a session. */
  killRefusal: z.enum(refusalNames).nullable(),
});

type Holder = z.output<typeof holderSchema>;

/** What is found about those that hold back vacuum, in their order. */
export function holdingBack(
  holders: readonly Holder[],
  database: string,
  thresholds: Thresholds,
): (PageFinding | undefined)[] {
  const working = holders.filter(({ waits }) => !waits);
  return [
    ...working.flatMap(holder => holding(holder, database, thresholds)),
    ...waiting(holders, database, thresholds),
  ];
}

/** By its age in transactions, or by how long it is open, whichever is worse. */
function holding(holder: Holder, database: string, thresholds: Thresholds): PageFinding[] {
  const elsewhere = holder.database !== null && holder.database !== database ? ` in ${holder.database}` : '';
  const what = holder.catalogsOnly ? 'vacuum of the system catalogs' : 'vacuum';
  const say = (value: string) => `${nameOf(holder)}${elsewhere} holds back ${what}: ${value}`;
  const byAge = above(
    holder.age,
    thresholds.snapshotAgeTransactions,
    value => count(value, 'transaction'),
    value => say(`its snapshot is ${value} old`),
  );
  const open = above(holder.seconds ?? 0, thresholds.transactionSeconds, duration, value =>
    say(`it is open for ${value}`),
  );
  const [worst] = inOrder([byAge, open]);
  return worst ? [{ ...worst, ...endingOf(holder) }] : [];
}

/** Of those that only wait for a lock, the worst: it goes on by itself when whoever holds it up has ended. */
function waiting(holders: readonly Holder[], database: string, thresholds: Thresholds): (PageFinding | undefined)[] {
  const waiters = holders.filter(({ waits }) => waits);
  const [worst] = inOrder(waiters.flatMap(holder => holding(holder, database, thresholds)));
  if (!worst) return [];
  const others = waiters.length - 1;
  const text =
    others > 0
      ? `${worst.text}; so ${count(others, 'waiting session does', 'waiting sessions do')} besides`
      : worst.text;
  const step = { text: 'Show locks', line: 'locks' };
  return [advised({ ...worst, text }, 'End nobody who only waits: `/db locks` shows who holds them up', step)];
}

function nameOf({ kind, pid, name, owner, state, waits }: Holder): string {
  switch (kind) {
    case 'session':
      return `pid ${pid} (${name || owner || 'no name'}, ${waits ? 'waits for a lock' : (state ?? 'state unknown')})`;
    case 'standby':
      return `the standby ${name || owner || 'no name'}`;
    case 'prepared':
      return `the prepared transaction ${name}`;
    case 'slot':
      return `slot ${name} (${state})`;
  }
}

/** How to end it. */
function endingOf({
  kind,
  pid,
  name,
  state,
  database,
  mayRollBack,
  killRefusal,
}: Holder): Pick<PageFinding, 'advice' | 'step'> {
  switch (kind) {
    case 'session': {
      if (killRefusal === 'hidden')
        return { advice: `${grantMonitor}; if it has that, track_activities is off for this session` };
      if (killRefusal !== null) return { advice: mayNotEnd(killRefusal, `pid ${pid}`) };
      const [what, text, line] =
        state === 'active'
          ? ['Stop its query', `Cancel ${pid}`, `kill ${pid} --cancel`]
          : ['End the session', `Kill ${pid}`, `kill ${pid}`];
      return { advice: `${what}: \`/db ${line}\``, step: { text, line } };
    }
    case 'standby': {
      const where = code(name || 'the standby', 63);
      return { advice: `End the long query on ${where}; its hot_standby_feedback keeps the rows here` };
    }
    case 'prepared': {
      const gid = `'${(name ?? '').replaceAll("'", "''")}'`;
      const statements = `${statement(`COMMIT PREPARED ${gid}`)} or ${statement(`ROLLBACK PREPARED ${gid}`)}`;
      const word = mayRollBack ? oneWord(name ?? '') : undefined;
      const step = word === undefined ? undefined : { text: `Roll back ${name}`, line: `rollback-prepared ${word}` };
      return { advice: `In ${code(database ?? '', 63)}, as its owner: ${statements}`, step };
    }
    case 'slot':
      return { advice: `If its consumer is gone for good: ${code(`SELECT pg_drop_replication_slot('${name}')`)}` };
  }
}
