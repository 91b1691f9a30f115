import { expect, test } from '@jest/globals';
import { type DiskFacts, diskTable, diskView } from '../../blocks/disk.ts';

const facts: DiskFacts = {
  target: 'portal',
  actionId: 'A-1042',
  findings: [],
  steps: ['Repair the archiver', 'Enlarge the disk'],
  fileSystems: [{ mount: '/', freeBytes: 9e9, percent: 91, holds: ['data', 'WAL'] }],
  disk: {
    database: 'portal',
    standby: false,
    dataDirectory: '/var/lib/postgresql/17/main',
    databases: [
      { name: 'portal', bytes: 40e9 },
      { name: 'reports', bytes: null },
    ],
    tablespaces: [{ name: 'fast', bytes: 1e9 }],
    tables: [{ name: 'public.orders', bytes: 30e9, temporary: false, pid: null }],
    lockedTables: 0,
    slots: [{ name: 'gone_replica', active: false, retainedBytes: 20e9 }],
    files: {
      walBytes: 22e9,
      temporary: [{ pid: 4711, bytes: 2e9 }],
      logs: { bytes: 3e6 },
    },
  },
};

test('how full, what fills it, and what to do in which order', () => {
  expect(diskView(facts).text).toMatchInlineSnapshot(`
"🟢 Disk on portal: all well
File system: \`/\` ▰▰▰▰▰▰▰▰▰▱ 91 % full, 9 GB free (data, WAL)
Databases: 2, 40 GB together
What takes space
What                                  Size    Part of
database portal                       40 GB   –
table public.orders                   30 GB   database portal
WAL                                   22 GB   –
kept for slot gone_replica, inactive  20 GB   WAL
temporary files of pid 4711           2 GB    –
tablespace fast                       1 GB    –
server logs                           3 MB    –
database reports                      hidden  –
To free space, in this order
1. Repair the archiver
2. Enlarge the disk
:no_entry: Never delete anything in pg_wal or elsewhere in the data directory: the server would not start again. No VACUUM FULL now: it needs the size of the table once more."
`);
});

test('where the disks cannot be seen, it says where to look', () => {
  const { text } = diskView({
    ...facts,
    fileSystems: undefined,
    disk: { ...facts.disk, lockedTables: 1, files: null },
  });
  expect(text).toContain('on the server, look at df -h for `/var/lib/postgresql/17/main`.');
  expect(text).toContain('1 table left out');
  expect(text).not.toContain('WAL  ');
});

test('the file has every row', () => {
  expect(diskTable(facts).rows).toHaveLength(8);
});
