import { expect, test } from '@jest/globals';
import command from '../../commands/backup.ts';
import type { RoutineServices, View } from '../../src/command.ts';

const dump = { tables: [], schemaOnly: false, plain: false };

/** What `/db backup --physical` did when ada typed it. */
function services() {
  const types: string[] = [];
  const seen: View[] = [];
  const all = {
    target: { name: 'portal' },
    progress: (view: View) => void seen.push(view),
    physical: {
      backup: async (type: string) => {
        types.push(type);
        return {
          label: '20261122-020000F_20261123-020000D',
          type,
          startedAt: new Date('2026-11-23T02:00:00Z'),
          finishedAt: new Date('2026-11-23T02:01:30Z'),
          bytes: 478_000_000,
          repositoryBytes: 23_000_000,
          damaged: true,
          prior: '20261122-020000F',
        };
      },
    },
  };
  return { types, seen, all: all as unknown as RoutineServices };
}

test('/db backup --physical diff has pgBackRest take a set, and says when it copied damaged pages', async () => {
  const { all, types, seen } = services();
  const { view, outcome } = await command.run({ ...dump, physical: 'diff' }, all);
  expect(types).toEqual(['diff']);
  expect(seen[0]?.text).toBe('pgBackRest takes a differential backup of the whole cluster of portal');
  expect(view.text).toContain('Backup complete, of damaged files: differential, 23 MB in 1 min 30 s');
  expect(view.text).toContain('the data files are damaged');
  expect(view.text).toContain('Builds upon: `20261122-020000F`');
  expect(outcome).toBe(
    'differential physical backup 20261122-020000F_20261123-020000D complete, with wrong page checksums: 23 MB in the repository, 1 min 30 s',
  );
});

test('what concerns a dump alone does not go with it', async () => {
  const { all, types } = services();
  for (const other of [{ tables: ['users'] }, { schemaOnly: true }, { plain: true }, { note: 'before migration' }]) {
    await expect(command.run({ ...dump, ...other, physical: 'full' }, all)).rejects.toThrow('no other choice goes');
  }
  expect(types).toEqual([]);
});

test('its card says what it reads and writes', async () => {
  const preview = await command.preview?.({ ...dump, physical: 'full' }, services().all);
  expect(preview?.statement).toBe('pgbackrest --type=full backup');
  expect(preview?.summary).toBe('back up the whole cluster of portal, full');
});

test('the card of a dump that took more than an hour last time says where it belongs', async () => {
  const finishedAt = new Date('2026-11-23T05:00:00Z');
  const effects = async (takenAt: string) => {
    const backups = {
      estimate: async () => ({ tables: 1, bytes: 1, argv: ['pg_dump'] }),
      latest: async () => ({ takenAt: new Date(takenAt), finishedAt }),
    };
    const all = { target: { name: 'portal' }, backups } as unknown as RoutineServices;
    return (await command.preview?.(dump, all))?.effects.join(' ');
  };
  expect(await effects('2026-11-23T03:00:00Z')).toContain('The last dump took 2 h: a database of this size is better');
  expect(await effects('2026-11-23T04:30:00Z')).not.toContain('The last dump');
});
