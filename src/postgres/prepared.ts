import { ConditionChanged, UserError } from '../errors.ts';
import { quoted } from '../quoted.ts';
import { isConnectionLost, sqlState } from './errors.ts';
import {
  type PreparedCondition,
  type PreparedTransaction,
  preparedByGid,
  rollbackStatement,
  rollbackStatements,
} from './prepared-questions.ts';
import type { Asker } from './question.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** Whether a prepared transaction may be rolled back: why not, or all that a plan needs. */
export type PreparedJudgement =
  | { readonly verdict: 'refused'; readonly reason: string; readonly hint: string }
  | {
      readonly verdict: 'allowed';
      readonly transaction: PreparedTransaction;
      readonly condition: PreparedCondition;
      /** What would run, exactly. */
      readonly statement: string;
    };

export interface PreparedReader {
  judge(gid: string): Promise<PreparedJudgement>;
}

export interface PreparedEnder {
  /**
   * Rolls back exactly the approved prepared transaction.
   *
   * ROLLBACK PREPARED takes a name and no condition, and runs in no transaction: all conditions are checked on the same
   * session in the statement before it, a network's round trip earlier. Whoever commits it in between makes it fail.
   *
   * @param statement as it was approved; it must be what runs.
   * @throws ConditionChanged when it is gone, or another one has its name; nothing was done then.
   * @throws UserError when the target stopped answering and the outcome is not known.
   */
  rollBack(condition: PreparedCondition, statement: string): Promise<void>;
}

/** Reads about prepared transactions; changes nothing. */
export function preparedReader(target: Pick<Target, 'ask' | 'connection'>): PreparedReader {
  return {
    judge: async gid => {
      const judgement = await judge(target, gid);
      if (judgement.verdict === 'refused' || !target.connection.prisma.pgbouncer) return judgement;
      return {
        verdict: 'refused',
        reason: 'The target is reached through PgBouncer, and rolling back needs a session of the server itself.',
        hint: 'Give the bot a connection string without pgbouncer=true.',
      };
    },
  };
}

/** @param mayAct asked right before the effect; what it throws prevents it. */
export function preparedEnder(target: Pick<Target, 'withSession'>, mayAct: () => void): PreparedEnder {
  return {
    rollBack: (condition, approved) => target.withSession(session => rollBack(session, condition, approved, mayAct)),
  };
}

async function judge(asker: Pick<Asker, 'ask'>, gid: string): Promise<PreparedJudgement> {
  const [transaction] = await asker.ask(preparedByGid, [gid]);
  if (!transaction) {
    return {
      verdict: 'refused',
      reason: `There is no prepared transaction ${quoted(gid)}.`,
      hint: 'It may have been committed or rolled back already; `/db locks` shows those that are open.',
    };
  }
  const refusal = refusalOf(transaction);
  if (refusal) return { verdict: 'refused', ...refusal };
  const { owner, database, preparedAt, direct } = transaction;
  const condition = {
    gid: transaction.gid,
    transaction: transaction.transaction,
    owner,
    database,
    preparedAt,
    asOwner: !direct,
  };
  return { verdict: 'allowed', transaction, condition, statement: rollbackStatement(condition) };
}

function refusalOf({ gid, owner, ownedBySuperuser, database, here, direct, asOwner, replica }: PreparedTransaction) {
  if (replica) {
    return {
      reason: 'This server is a replica: prepared transactions end on the primary alone.',
      hint: 'Ask for it on the target of the primary.',
    };
  }
  if (!here) {
    return {
      reason: `${quoted(gid)} was prepared in another database (${database}), and can be ended only there.`,
      hint: 'Ask for it on the target of that database.',
    };
  }
  if (!direct && !asOwner) {
    return {
      reason: `Only ${owner}, who prepared it, or a superuser may roll back ${quoted(gid)}, and the bot is neither.`,
      hint: ownedBySuperuser
        ? `Run \`ROLLBACK PREPARED\` as ${owner} in ${database} yourself: a superuser's is not for the bot.`
        : `Run \`ROLLBACK PREPARED\` as ${owner} in ${database} yourself; or GRANT that role to the bot's, which lets the bot do all that it may.`,
    };
  }
  return undefined;
}

/** undefined_object: it is gone. object_not_in_prerequisite_state: someone is ending it at this moment. */
const endedByOthers = new Set(['42704', '55000']);

async function rollBack(
  session: Session,
  condition: PreparedCondition,
  approved: string,
  mayAct: () => void,
): Promise<void> {
  if (rollbackStatement(condition) !== approved) {
    throw new ConditionChanged('What runs now is another statement than the approved one. Nothing was done.', {
      hint: 'The bot changed since. Ask again: the new card shows what runs now.',
    });
  }
  const judgement = await judge(session, condition.gid);
  const changed = whatChanged(condition, judgement);
  if (changed !== undefined) {
    throw new ConditionChanged(`${changed} Nothing was done.`, { hint: 'Look again with `/db locks`.' });
  }
  mayAct();
  for (const statement of rollbackStatements(condition)) {
    await session.query(statement).catch(error => {
      throw explained(error, condition);
    });
  }
}

function whatChanged(condition: PreparedCondition, judgement: PreparedJudgement): string | undefined {
  if (judgement.verdict === 'refused') return judgement.reason;
  const now = judgement.condition;
  const same = (['transaction', 'owner', 'database', 'preparedAt', 'asOwner'] as const).every(
    fact => now[fact] === condition[fact],
  );
  if (same) return undefined;
  return `${quoted(condition.gid)} is another prepared transaction now: approved was the one of ${condition.owner} from ${condition.preparedAt}, now it is of ${now.owner}, from ${now.preparedAt}.`;
}

function explained(error: unknown, { gid }: PreparedCondition): unknown {
  if (endedByOthers.has(sqlState(error) ?? '')) {
    return new ConditionChanged(`${quoted(gid)} was ended by someone else at that moment. Nothing was done.`, {
      hint: 'Look again with `/db locks`.',
      cause: error,
    });
  }
  const answered = sqlState(error) !== undefined && !isConnectionLost(error);
  if (answered) return error;
  return new UserError(`The target stopped answering: whether ${quoted(gid)} was rolled back is not known.`, {
    hint: 'Look with `/db locks` as soon as the target answers.',
    cause: error,
  });
}
