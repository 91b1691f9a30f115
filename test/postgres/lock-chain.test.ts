import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { lockFile, locksView } from '../../blocks/locks.ts';
import { locksReader } from '../../src/postgres/locks.ts';
import type { Login } from '../cluster/access.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { createBotRole, createPortalRole } from '../cluster/roles.ts';
import { openSession, type Session } from '../cluster/session.ts';
import { until } from '../cluster/until.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';
import { settings } from './backend-stage.ts';
import { targetOf } from './targets.ts';

const length = 50;
let cluster: Cluster;
let bot: Login;
const sessions: Session[] = [];

beforeAll(async () => {
  cluster = await startCluster({ settings: { max_connections: '80', deadlock_timeout: '60s' } });
  bot = await createBotRole(cluster);
  const portal = await createPortalRole(cluster);
  await cluster.admin.sql('create table seats as select generate_series(0, 100) as n');
  await cluster.admin.sql('grant all on seats to portal');
  for (let place = 0; place <= length; place += 1) {
    const session = await openSession(cluster.url('postgres', portal), { applicationName: `seat ${place}` });
    sessions.push(session);
    await session.query('begin');
    await session.query('select from seats where n = $1 for update', [place]);
    if (place > 0) session.query('select from seats where n = $1 for update', [place - 1]).catch(() => undefined);
  }
});
afterAll(async () => {
  await Promise.all(sessions.map(session => session.close()));
  await cluster.stop();
});

test('a chain of 50 on a real server: one root, everyone in its place, within three seconds and a message', async () => {
  const { target } = targetOf(cluster.url('postgres', bot));
  try {
    const reader = locksReader(target, settings);
    await until('all of them wait', async () => (await reader.read()).waiting === length);
    const began = performance.now();
    const report = await reader.read();
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(report.roots).toHaveLength(1);
    const [root] = report.roots;
    expect(root).toMatchObject({ heldUp: length, killRefusal: null });
    expect(root!.nodes.map(({ pid, depth }) => [pid, depth])).toEqual(sessions.map(({ pid }, depth) => [pid, depth]));
    expect(root!.nodes[1]!.waits?.lock).toBe('a row of seats');
    const view = locksView({ ...report, target: 'portal', actionId: 'A-1042' });
    expect(refusalOfMessage({ ...view, blocks: [...view.blocks] })).toBeUndefined();
    expect(lockFile(report)?.rows).toHaveLength(length + 1);
  } finally {
    await target.close();
  }
});
