import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openOffice } from './office.ts';

const commands = 500;
/** Milliseconds: twice as fast as anybody should have to be withstood. */
const pace = 10;
const answerWithin = 3_000;

test('one person’s flood slows that person only, and does not hold up the record', async () => {
  // The audit channel at Slack's own pace: one message a second.
  await using office = await openOffice({ bot: { auditPace: 1_000 } });
  const { slack, ada, ben } = office;
  const dora = slack.person('dora');
  const victim = await office.database.openSession({ applicationName: 'nightly-report' });
  const answersTo = (person: typeof ada) =>
    office.seenBy(person, '#incident').filter(text => /connections/i.test(text));

  const began = performance.now();
  let approved: Promise<unknown> | undefined;
  let isApproved = false;
  // Slack gives an app no more than it acknowledges: a slow machine is flooded as well as it can be, not with a backlog.
  for (let count = 0; count < commands || !isApproved; count += 1) {
    await Promise.all([dora.types('/db status'), pause(pace)]);
    if (count !== commands / 4) continue;
    approved = killedInTheMiddle().finally(() => {
      isApproved = true;
    });
    approved.catch(() => undefined);
  }
  await approved;
  const seconds = (performance.now() - began) / 1_000;

  async function killedInTheMiddle() {
    const asked = performance.now();
    await ben.types('/db status', { in: '@ben' });
    await office.sees(ben, /connections/i, '@ben');
    expect(performance.now() - asked).toBeLessThan(answerWithin);

    const id = await office.asksToKill(victim);
    await ben.clicks('Approve', { on: await office.reads('#incident', new RegExp(`${id} waits for`)) });
    await office.reads('#incident', `${id} is done`);
  }

  const refusals = office.seenBy(dora, '#incident').filter(text => text.includes('too much at once'));
  // Slowed, not shut out; how many it is depends on how busy the machine is.
  expect(answersTo(dora).length).toBeGreaterThanOrEqual(5);
  expect(refusals.length).toBeGreaterThanOrEqual(1);
  expect(refusals.length).toBeLessThanOrEqual(1 + seconds / 10);

  // Twenty, then one in four seconds.
  const asked = (await office.record()).filter(({ kind, body }) => kind === 'asked' && body.includes(dora.id));
  expect(asked.length).toBeLessThanOrEqual(20 + seconds / 4);
}, 60_000);
