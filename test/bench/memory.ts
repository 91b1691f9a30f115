import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runBackup } from './backup-run.ts';
import { compare, limit } from './findings.ts';
import { type Office, openBotOffice } from './office.ts';
import type { Surroundings } from './surroundings.ts';
import type { Topic } from './topic.ts';

/** What people type, a mistake among it. */
const lines = ['/db status', '/db help', '/db requests', '/db stauts', '/db help backup'];

/** Commands in flight at once. */
const crowd = 50;

/** How far the memory may wander and still be called flat. */
const flat = 1.1;

/** Milliseconds between two looks at a bot that takes a backup. */
const every = 100;

/**
 * Resident memory of the bot's process: after many commands, the second half of them beside what there was before it,
 * and at its highest during backups of a large and of a small database.
 */
export const memory: Topic = async (surroundings, { commands, megabytes }) => {
  const after = await manyCommands(surroundings, commands);
  const middle = after.length >> 1;
  const large = await duringBackup(surroundings, megabytes);
  const small = await duringBackup(surroundings, Math.ceil(megabytes / 10));
  return [
    limit({
      what: `memory in ${commands} commands, highest`,
      unit: 'MB',
      values: after,
      score: values => Math.max(...values),
      atMost: 200,
    }),
    compare({
      what: `memory after ${commands} commands`,
      unit: 'MB',
      ours: after.slice(-1),
      beside: { what: 'after half of them', values: after.slice(middle - 1, middle) },
      atMost: flat,
    }),
    compare({
      what: `memory during a backup of ${megabytes} MB, highest`,
      unit: 'MB',
      ours: [Math.max(...large)],
      beside: { what: 'of a tenth of it', values: [Math.max(...small)] },
      atMost: flat,
    }),
  ];
};

/** The memory after each twentieth of the commands. */
async function manyCommands(surroundings: Surroundings, commands: number): Promise<number[]> {
  const place = { url: await surroundings.portalUrl(), bin: surroundings.cluster.bin };
  await using office = await openBotOffice({ ...place, folder: await surroundings.newFolder() });
  const after: number[] = [];
  for (let asked = 0, next = commands / 20; asked < commands; ) {
    const now = Math.min(crowd, commands - asked);
    await ask(
      office,
      Array.from({ length: now }, (_, index) => lines[(asked + index) % lines.length]!),
    );
    asked += now;
    if (asked >= next) {
      after.push(await office.app.memory());
      next += commands / 20;
    }
  }
  return after;
}

async function ask(office: Office, typed: readonly string[]): Promise<void> {
  const before = office.answers();
  await Promise.all(typed.map(line => office.ada.types(line)));
  await office.answered(before + typed.length);
}

/** The memory every tenth of a second, of a bot that has just been started. */
async function duringBackup(surroundings: Surroundings, megabytes: number): Promise<number[]> {
  const folder = await surroundings.newFolder();
  const url = await surroundings.bulkUrl(megabytes);
  await using office = await openBotOffice({ url, bin: surroundings.cluster.bin, folder });
  await ask(office, ['/db status']);
  const over = new AbortController();
  const seen: number[] = [];
  const watching = (async () => {
    while (!over.signal.aborted) {
      seen.push(await office.app.memory());
      await pause(every, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  try {
    await runBackup(office, path.join(folder, 'backups'));
  } finally {
    over.abort();
    await watching;
  }
  return seen;
}
