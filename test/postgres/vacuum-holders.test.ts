import { expect, test } from '@jest/globals';
import { holdingBack } from '../../src/postgres/vacuum-holders.ts';
import { thresholdsSchema } from '../../src/target-settings.ts';

const holder = {
  kind: 'session' as const,
  pid: 4711,
  name: 'nightly-report',
  owner: 'portal',
  database: 'portal',
  state: 'idle in transaction',
  seconds: 1e9,
  age: 1,
  catalogsOnly: false,
  mayRollBack: false,
  waits: false,
};

test.each([
  [
    'hidden',
    'As a superuser: `GRANT pg_monitor TO` the role that the bot logs in as; if it has that, track_activities',
  ],
  [
    'no-privilege',
    'pid 4711 may not be ended by the bot: another role’s session; `GRANT pg_signal_backend` to the bot’s',
  ],
  [null, 'End the session: `/db kill 4711`'],
] as const)('what to do about a session that may not be ended because it is %s', (killRefusal, advice) => {
  const [finding] = holdingBack([{ ...holder, killRefusal }], 'portal', thresholdsSchema.parse({}));
  expect(finding?.advice).toContain(advice);
});
