import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Metrics } from '../../src/health/metrics.ts';
import { type HealthOptions, openHealthServer } from '../../src/health/server.ts';
import { freePort } from '../cluster/free-port.ts';

const options: Omit<HealthOptions, 'port'> = {
  host: '127.0.0.1',
  needs: {
    slackConnected: () => true,
    store: async () => undefined,
    audit: async () => undefined,
    draining: () => false,
  },
  metrics: new Metrics(),
  log: pino({ level: 'silent' }),
};

test('a port that is taken is told in words, and free again once it is closed', async () => {
  const port = await freePort();
  const close = await openHealthServer({ ...options, port });
  await expect(openHealthServer({ ...options, port })).rejects.toThrow(
    `HEALTH_PORT ${port} cannot be listened on at 127.0.0.1 (EADDRINUSE).`,
  );
  await close();
  await (await openHealthServer({ ...options, port }))();
});

test('closing does not wait for a client that keeps its connection', async () => {
  const port = await freePort();
  const close = await openHealthServer({ ...options, port });
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  expect(await response.text()).toBe('alive\n');
  await close();
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});
