import { expect, test } from '@jest/globals';
import recoverCommand from '../../commands/recover.ts';
import endCommand from '../../commands/recover-end.ts';
import type { RoutineServices, View } from '../../src/command.ts';
import { beforeAction, parsePointInTime } from '../../src/physical/point-in-time.ts';
import type { RecoveryRequest } from '../../src/physical/recoveries.ts';

const now = new Date('2026-01-31T14:20:00Z');

/** What `/db recover` did when ada typed it. */
function services() {
  const seen: View[] = [];
  const requests: RecoveryRequest[] = [];
  const ended: string[] = [];
  const all = {
    action: { id: 'A-1050' },
    target: { name: 'portal' },
    now: () => now,
    signal: new AbortController().signal,
    progress: (view: View) => void seen.push(view),
    moments: { parse: (text: string) => parsePointInTime(text, now), before: beforeAction },
    record: {
      find: async (id: string) => ({
        id,
        target: id === 'A-7' ? 'warehouse' : 'portal',
        startedAt: id === 'A-1042' ? Date.parse('2026-01-31T14:00:00.500Z') : undefined,
      }),
    },
    recoveries: {
      examine: async () => 2_400_000_000,
      end: async (id: string) => void ended.push(id),
      recover: async (request: RecoveryRequest, options: { progress: (phase: 'restoring') => void }) => {
        requests.push(request);
        options.progress('restoring');
        return {
          id: request.actionId,
          reached: '2026-01-31 14:04:59.123456 UTC',
          stoppedBefore: '2026-01-31 14:05:01.5 UTC',
          socketFolder: '/tmp/pg-recovered-x1',
          port: 5432,
          superuser: 'postgres',
          database: 'portal',
          host: 'bots',
          expiresAt: new Date('2026-01-31T15:20:00Z'),
          tables: [
            { table: 'public.id_mappings', recovered: 1_004, live: 2_008 },
            { table: 'public."<!channel>"', recovered: null, live: 3 },
            { table: 'public.users', recovered: 40, live: 40 },
          ],
        };
      },
    },
  };
  return { seen, requests, ended, all: all as unknown as RoutineServices };
}

test('/db recover --to says the exact point reached, what differs from now, how to look, and when it goes', async () => {
  const { all, requests, seen } = services();
  const { view, outcome } = await recoverCommand.run({ to: '2026-01-31 14:05 UTC', stay: 60 }, all);
  expect(requests).toEqual([
    { actionId: 'A-1050', point: { at: new Date('2026-01-31T14:05:00Z'), exclusive: false }, stay: 60 },
  ]);
  expect(seen[0]?.text).toBe('Recovering portal: restores the backup set, 0 s so far');
  expect(view.text).toMatch(/\*Last commit in it\* <!date\^1769868299\^.*> \(`2026-01-31 14:04:59\.123456 UTC`\)/);
  expect(view.text).toMatch(/\*First left out\* <!date\^1769868301\^.*> \(`2026-01-31 14:05:01\.5 UTC`\)/);
  expect(view.text).toMatch(/public\.id_mappings +1,004 +2,008 +\+1,004/);
  expect(view.text).toMatch(/not there +3/);
  expect(view.text).not.toContain('<!channel>');
  expect(view.text).toContain('psql -h /tmp/pg-recovered-x1 -p 5432 -U postgres -d portal');
  expect(view.text).toContain('`/db recover-end A-1050`');
  expect(view.text).toContain('pg_dump -h /tmp/pg-recovered-x1');
  expect(JSON.stringify(view.blocks)).toContain('"A-1050 backup --recovered A-1050"');
  expect(JSON.stringify(view.blocks)).toContain('"A-1050 recover-end A-1050"');
  expect(outcome).toBe(
    'recovered to 2026-01-31 14:04:59.123456 UTC on bots, 2 tables of 3 differ from now; A-1050 is removed at 2026-01-31 15:20 UTC',
  );
});

test('--before-action goes back to just before that action began; of another target, or one that never ran, it is refused', async () => {
  const { all, requests } = services();
  await recoverCommand.run({ beforeAction: 'a-1042', stay: 5 }, all);
  expect(requests[0]?.point).toEqual({ at: new Date('2026-01-31T14:00:00.500Z'), exclusive: true });
  await expect(recoverCommand.run({ beforeAction: 'A-7', stay: 5 }, all)).rejects.toThrow('acted on warehouse');
  await expect(recoverCommand.run({ beforeAction: 'A-8', stay: 5 }, all)).rejects.toThrow('A-8 never ran');
  expect(requests).toHaveLength(1);
});

test('one of the two has to be said, and not both', async () => {
  const { all } = services();
  await expect(recoverCommand.run({ stay: 60 }, all)).rejects.toThrow('one of the two');
  await expect(recoverCommand.run({ to: '1 h ago', beforeAction: 'A-1042', stay: 60 }, all)).rejects.toThrow('one of');
});

test('where a target asks for approval, the card says what it takes', async () => {
  const { all } = services();
  const preview = await recoverCommand.preview?.({ to: '15 min ago', stay: 90 }, all);
  expect(preview?.summary).toBe('recover portal as it was at 2026-01-31 14:05 UTC into a server of its own');
  expect(preview?.effects.join(' ')).toContain('about 2.4 GB');
  expect(preview?.effects.join(' ')).toContain('removed after 1 h 30 min');
});

test('/db recover-end ends the one that is named', async () => {
  const { all, ended } = services();
  const { outcome } = await endCommand.run({ id: 'a-1050' }, all);
  expect(ended).toEqual(['A-1050']);
  expect(outcome).toBe('the recovered database A-1050 is removed');
});
