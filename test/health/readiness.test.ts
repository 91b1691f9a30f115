import { expect, test } from '@jest/globals';
import { Metrics } from '../../src/health/metrics.ts';
import { type Needs, readiness } from '../../src/health/readiness.ts';

const fine: Needs = {
  slackConnected: () => true,
  store: async () => 'rows',
  audit: async () => undefined,
  draining: () => false,
};
const down = async () => Promise.reject(new Error('down'));
const never = () => new Promise<never>(() => undefined);

test.each<[string, Partial<Needs>, string[]]>([
  ['everything is fine', {}, []],
  ['Slack is away', { slackConnected: () => false }, ['Slack is not connected.']],
  ['the store fails', { store: down }, ['The store does not answer.']],
  ['the store hangs', { store: never }, ['The store does not answer.']],
  ['the record cannot be read', { audit: down }, ['The store does not answer.']],
  ['the record is behind', { audit: async () => 'It is behind.' }, ['It is behind.']],
  [
    'all of it',
    { draining: () => true, slackConnected: () => false, audit: async () => 'It is behind.' },
    ['The bot is shutting down.', 'Slack is not connected.', 'It is behind.'],
  ],
])('%s', async (_what, change, reasons) => {
  expect(await readiness({ ...fine, ...change })).toEqual({ ready: reasons.length === 0, reasons });
});

test('a reading that fails or hangs is NaN, and the others are told', async () => {
  const metrics = new Metrics();
  metrics.watch({
    waitingRequests: down,
    auditBacklogSeconds: never,
    runningJobs: () => 3,
    slackConnected: () => true,
    targets: new Map([
      ['up', async () => 1],
      ['down', down],
      ['hanging', never],
    ]),
  });
  const text = await metrics.expose();
  for (const line of [
    'pg_chatops_waiting_requests Nan',
    'pg_chatops_audit_backlog_seconds Nan',
    'pg_chatops_running_jobs 3',
    'pg_chatops_target_up{target="up"} 1',
    'pg_chatops_target_up{target="down"} 0',
    'pg_chatops_target_up{target="hanging"} 0',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});
