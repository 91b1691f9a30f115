import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ConditionChanged, UserError } from '../../src/errors.ts';
import { preparedEnder, preparedReader } from '../../src/postgres/prepared.ts';
import { type PreparedCondition, rollbackStatement } from '../../src/postgres/prepared-questions.ts';
import type { Target } from '../../src/postgres/target.ts';
import { freshDatabase, type TestDatabase } from '../cluster/database.ts';
import { targetOf } from './targets.ts';

let database: TestDatabase;
let other: TestDatabase;
let bot: Target;
const opened: Target[] = [];

beforeAll(async () => {
  [database, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  bot = open(database.botUrl);
});
afterEach(async () => {
  for (const one of [database, other]) {
    for (const { gid } of await mine(one)) {
      await one.admin.sql(`rollback prepared '${gid.replaceAll("'", "''")}'`);
    }
    await one.admin.sql(`revoke ${one.portal.user} from ${one.bot.user}`).catch(() => undefined);
  }
});
afterAll(async () => {
  await Promise.all(opened.map(target => target.close()));
  await Promise.all([database.drop(), other.drop()]);
});

function open(url: string): Target {
  const { target } = targetOf(url);
  opened.push(target);
  return target;
}

const mine = (one: TestDatabase) =>
  one.admin.sql('select gid from pg_prepared_xacts where database = current_database()') as Promise<{ gid: string }[]>;

async function prepare(gid: string, one = database, login = one.portal): Promise<void> {
  const session = await one.openSession({ applicationName: 'coordinator', login });
  await session.query('begin');
  await session.query('delete from id_mappings');
  await session.query(`prepare transaction '${gid.replaceAll("'", "''")}'`);
  await session.close();
}

const gid = () => `pay-42 of ${database.name}`;
const letOwn = () => database.admin.sql(`grant ${database.portal.user} to ${database.bot.user}`);

async function plan(target: Target, name = gid()) {
  const judgement = await preparedReader(target).judge(name);
  if (judgement.verdict === 'refused') throw new Error(judgement.reason);
  return judgement;
}

const rows = async () => (await database.admin.sql('select count(*)::int as n from id_mappings'))[0].n as number;

describe('who may', () => {
  test('not the bot with the least privilege: said at the plan, with the way out', async () => {
    await prepare(gid());
    expect(await preparedReader(bot).judge(gid())).toEqual({
      verdict: 'refused',
      reason: expect.stringMatching(
        /^Only portal, who prepared it, or a superuser may roll back .*the bot is neither\.$/,
      ),
      hint: expect.stringContaining('GRANT that role'),
    });
  });

  test("a superuser's is not for the bot, and nobody is told to make the bot a superuser", async () => {
    await prepare(gid(), database, database.cluster.superuser);
    expect(await preparedReader(bot).judge(gid())).toEqual({
      verdict: 'refused',
      reason: expect.stringContaining(`Only ${database.cluster.superuser.user}, who prepared it,`),
      hint: expect.not.stringContaining('GRANT'),
    });
  });

  test('the bot as a member of the owner: by SET ROLE, and what was written is undone', async () => {
    await letOwn();
    await prepare(gid());
    const before = await rows();
    const { transaction, condition, statement } = await plan(bot);
    expect(transaction.locks).toEqual(['RowExclusiveLock on id_mappings']);
    expect(statement).toBe(`SET ROLE "portal";\nROLLBACK PREPARED '${gid()}';`);
    await preparedEnder(bot, () => {}).rollBack(condition, statement);
    expect(await mine(database)).toEqual([]);
    expect(await rows()).toBe(before);
  });

  test('the owner and a superuser without SET ROLE', async () => {
    for (const login of [database.portal, database.cluster.superuser]) {
      await prepare(gid());
      const target = open(database.cluster.url(database.name, login));
      const { condition, statement } = await plan(target);
      expect(statement).toBe(`ROLLBACK PREPARED '${gid()}';`);
      await preparedEnder(target, () => {}).rollBack(condition, statement);
      expect(await mine(database)).toEqual([]);
    }
  });

  test('a name is data, whatever it holds', async () => {
    const name = `it's "one"; drop table users -- ${database.name}`;
    await letOwn();
    await prepare(name);
    const { condition, statement } = await plan(bot, name);
    await preparedEnder(bot, () => {}).rollBack(condition, statement);
    expect(await mine(database)).toEqual([]);
    expect(await database.admin.sql('select 1 as there from users limit 1')).toEqual([{ there: 1 }]);
  });
});

describe('refused', () => {
  test('a name that nobody prepared', async () => {
    expect(await preparedReader(bot).judge('nobody')).toMatchObject({
      verdict: 'refused',
      reason: 'There is no prepared transaction “nobody”.',
    });
  });

  test("another database's", async () => {
    await prepare(gid(), other);
    expect(await preparedReader(bot).judge(gid())).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining(`was prepared in another database (${other.name})`),
    });
  });

  test('through PgBouncer, before anyone approves', async () => {
    await letOwn();
    await prepare(gid());
    const url = new URL(database.botUrl);
    url.searchParams.set('pgbouncer', 'true');
    expect(await preparedReader(open(url.href)).judge(gid())).toMatchObject({
      verdict: 'refused',
      reason: expect.stringContaining('PgBouncer'),
    });
  });
});

describe('what was approved, and no other', () => {
  async function approved() {
    await letOwn();
    await prepare(gid());
    return plan(bot);
  }

  test('committed meanwhile: told, nothing done', async () => {
    const { condition, statement } = await approved();
    await database.admin.sql(`commit prepared '${gid()}'`);
    const ending = preparedEnder(bot, () => {}).rollBack(condition, statement);
    await expect(ending).rejects.toThrow(ConditionChanged);
    await expect(ending).rejects.toThrow(/There is no prepared transaction.*Nothing was done/);
  });

  test('another one of the same name is left alone', async () => {
    const { condition, statement } = await approved();
    await database.admin.sql(`rollback prepared '${gid()}'`);
    await prepare(gid());
    await expect(preparedEnder(bot, () => {}).rollBack(condition, statement)).rejects.toThrow(
      /is another prepared transaction now: approved was the one of portal from .*Nothing was done/,
    );
    expect(await mine(database)).toHaveLength(1);
  });

  test.each([
    ['transaction', { transaction: '1' }],
    ['owner', { owner: 'somebody' }],
    ['database', { database: 'elsewhere' }],
    ['moment', { preparedAt: '2026-01-01T00:00:00.000001Z' }],
  ])('each fact counts: %s', async (_fact, change) => {
    const { condition } = await approved();
    const changed: PreparedCondition = { ...condition, ...change };
    await expect(preparedEnder(bot, () => {}).rollBack(changed, rollbackStatement(changed))).rejects.toThrow(
      ConditionChanged,
    );
    expect(await mine(database)).toHaveLength(1);
  });

  test('a right that was taken away meanwhile', async () => {
    const { condition, statement } = await approved();
    await database.admin.sql(`revoke ${database.portal.user} from ${database.bot.user}`);
    await expect(preparedEnder(bot, () => {}).rollBack(condition, statement)).rejects.toThrow(
      /the bot is neither. Nothing was done/,
    );
    expect(await mine(database)).toHaveLength(1);
  });

  test('a process that others have taken for dead rolls nothing back', async () => {
    const { condition, statement } = await approved();
    const ender = preparedEnder(bot, () => {
      throw new Error('taken for dead');
    });
    await expect(ender.rollBack(condition, statement)).rejects.toThrow('taken for dead');
    expect(await mine(database)).toHaveLength(1);
  });

  test('another statement than the approved one does not run', async () => {
    const { condition, statement } = await approved();
    await expect(preparedEnder(bot, () => {}).rollBack(condition, `${statement} `)).rejects.toThrow(
      /another statement/,
    );
    expect(await mine(database)).toHaveLength(1);
  });

  test.each([
    ['42704', /was ended by someone else at that moment/],
    ['55000', /was ended by someone else at that moment/],
    [undefined, /whether .* was rolled back is not known/],
    ['57P01', /whether .* was rolled back is not known/],
    ['53100', /disk full/],
  ])('the server says %s to the very statement', async (code, words) => {
    const { condition, statement } = await approved();
    const failing: Pick<Target, 'withSession'> = {
      withSession: (work, options) =>
        bot.withSession(
          session =>
            work({
              ...session,
              query: async text => {
                if (!text.startsWith('ROLLBACK')) return session.query(text);
                throw Object.assign(new UserError('disk full'), { code });
              },
            }),
          options,
        ),
    };
    await expect(preparedEnder(failing, () => {}).rollBack(condition, statement)).rejects.toThrow(words);
  });
});
