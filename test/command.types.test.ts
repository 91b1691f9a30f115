/** What the compiler refuses; `tsc` reads this file too, and an expected error that does not come is an error. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineCommand } from '../src/command.ts';

const common = {
  name: 'sketch',
  summary: 'a sketch',
  args: z.strictObject({}),
  examples: ['sketch'] as [string],
};
const answer = { view: { text: 'done', blocks: [] }, outcome: 'done' };
const condition = {
  pid: 1,
  backendStart: '2026-11-22T09:30:00.000000Z',
  work: null,
  mode: 'terminate',
} as const;
const backup = {
  actionId: 'A-1042',
  requester: 'U1',
  reason: undefined,
  note: undefined,
  tables: [],
  schemaOnly: false,
  plain: false,
};
const destructive = {
  ...common,
  risk: 'destructive',
  planned: z.strictObject({ pid: z.int() }),
  afterInterruption: 'Look.',
  plan: async () => ({ pid: 1 }),
  card: () => ({ summary: 's', statement: 's', view: answer.view, confirm: 'c' }),
} as const;

test('a destructive command needs a plan', () => {
  const { plan, ...withoutPlan } = destructive;
  // @ts-expect-error: there is no plan
  defineCommand({ ...withoutPlan, run: async () => answer });
  const allowed = defineCommand({ ...withoutPlan, plan, run: async () => answer });
  expect(allowed.risk).toBe('destructive');
});

test('a destructive command runs from its plan, not from what was typed', () => {
  defineCommand({
    ...destructive,
    run: async plan => {
      expect(plan.pid).toBeDefined();
      // @ts-expect-error: the plan has no such fact
      expect(plan.args).toBeUndefined();
      return answer;
    },
  });
});

test('planning has no road to a change', () => {
  defineCommand({
    ...destructive,
    plan: async (_args, services) => {
      // @ts-expect-error: only an approved action may signal
      await services.backends.signal(condition, 'select 1');
      return { pid: 1 };
    },
    run: async (_plan, services) => {
      await services.backends.signal(condition, 'select 1');
      return answer;
    },
  });
});

test('a read command has no road to a change', () => {
  defineCommand({
    ...common,
    risk: 'read',
    run: async (_args, services) => {
      // @ts-expect-error: a read cannot signal a backend
      await services.backends.signal(condition);
      // @ts-expect-error: a read cannot take a backup
      await services.backups.take(backup, { signal: services.signal, progress: () => {} });
      // @ts-expect-error: a read cannot withdraw a request
      await services.requests.withdraw('A-1');
      return answer;
    },
  });
});

test('a routine command takes backups, but signals nobody', () => {
  defineCommand({
    ...common,
    risk: 'routine',
    run: async (_args, services) => {
      await services.backups.take(backup, { signal: services.signal, progress: () => {} });
      // @ts-expect-error: routine work cannot signal a backend
      await services.backends.signal(condition, 'select 1');
      return answer;
    },
  });
});
