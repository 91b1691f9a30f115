/** A bot that is told to stop in the middle of what somebody clicked gives it its time, whatever it was. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Actions } from '../../src/actions/actions.ts';
import { type Context, Jobs } from '../../src/actions/context.ts';
import type { Deciding } from '../../src/actions/decide.ts';

const click: Deciding = {
  spokenId: 'A-1042',
  from: { user: 'U0BEN', name: 'ben', team: 'T1', channel: 'CINCIDENT' },
  place: { channel: 'CINCIDENT' },
};
const alone = { typedId: 'A-1042', reason: 'the site is down and nobody answers' };

test.each<[string, (actions: Actions) => Promise<void>]>([
  ['a broken glass', actions => actions.breakGlass(click, alone)],
  ['an approval', actions => actions.approve(click)],
  ['a denial', actions => actions.deny(click)],
  ['a withdrawal', actions => actions.withdraw(click)],
  ['a cancellation', actions => actions.cancel(click)],
])('SIGTERM in the middle of %s', async (_what, clicked) => {
  const jobs = new Jobs();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const turns: Pick<Context['turns'], 'take'> = {
    take: async () => {
      await done;
      return undefined as never;
    },
  };
  const underWay = clicked(new Actions({ jobs, turns } as Context));
  let stopped = false;
  const stopping = jobs
    .close(new Promise(() => {}), async () => {})
    .then(() => {
      stopped = true;
    });
  await turn();
  expect(stopped).toBe(false);
  finish();
  await Promise.all([underWay, stopping]);
});
