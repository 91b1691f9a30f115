import { expect, test } from '@jest/globals';
import { type ReplicationFacts, replicationView } from '../../blocks/replication.ts';

const replication: ReplicationFacts['replication'] = {
  standby: null,
  replicas: [
    {
      application: 'berlin',
      user: 'replicator',
      address: '10.0.0.7',
      state: 'streaming',
      sync: 'async',
      lagBytes: 12_000,
      lagSeconds: 0.2,
    },
  ],
  synchronousStandbys: '',
  slots: [
    {
      name: 'gone_replica',
      type: 'physical',
      database: null,
      active: false,
      walStatus: 'extended',
      retainedBytes: 5_200_000_000,
      safeBytes: 1_000_000_000,
      inactiveSeconds: 7_200,
    },
  ],
  archiver: { active: true, failing: false, failures: 2, lastArchivedSeconds: 120, waitingSegments: 1 },
  written: { bytes: 120_000_000, seconds: 100 },
  subscriptions: [],
};
const facts: ReplicationFacts = { target: 'portal', actionId: 'A-1042', findings: [], replication };

test('a primary: replicas and slots in one table', () => {
  expect(replicationView(facts).text).toMatchInlineSnapshot(`
"🟢 Replication on portal: all well
Role: primary
Replicas: 1
Slots: 1
Archiver: last 2 min ago, 1 segment waiting, 2 failures
WAL written: 1.2 MB/s over 1 min 40 s
Replicas and slots
Who                          State                              Behind                      Keeps
replica berlin, 10.0.0.7     streaming, async            12 kB, 200 ms                          –
slot gone_replica, physical  inactive for 2 h, extended              –  5.2 GB, 1 GB to its limit"
`);
});

test('a standby: where it receives from, and how far it is behind', () => {
  const standby = {
    receiving: true,
    from: '10.0.0.1',
    slot: 'berlin',
    lagBytes: 16_000_000,
    lagSeconds: 65,
    cancelledQueries: 2,
  };
  const written = null;
  const { text } = replicationView({
    ...facts,
    replication: { ...replication, standby, replicas: [], slots: [], written, synchronousStandbys: 'ANY 1 (a)' },
  });
  expect(text).toContain(
    'Role: replica, receives from `10.0.0.1` through slot `berlin`, 1 min 5 s behind (16 MB); replay cancelled 2 queries here',
  );
  expect(text).toContain('Synchronous: `ANY 1 (a)`');
  expect(text).toContain('WAL written: not known');
  expect(text).not.toContain('Replicas and slots');
});

test('subscriptions say whether they run', () => {
  const subscriptions = [
    { name: 'orders', enabled: true, running: false },
    { name: 'users', enabled: false, running: false },
  ];
  const { text } = replicationView({ ...facts, replication: { ...replication, subscriptions } });
  expect(text).toContain('Subscription: `orders` does not run\nSubscription: `users` disabled');
});
