import { describe, expect, test } from '@jest/globals';
import { followDump } from '../../src/backups/dump-progress.ts';
import type { Table } from '../../src/postgres/tables.ts';

const start = new Date('2026-11-22T10:00:00Z');

function table(oid: string, name: string, bytes: number, estimatedRows: number): Table {
  return {
    oid,
    schema: 'public',
    name,
    quoted: `public.${name}`,
    partitioned: false,
    visible: true,
    ancestors: [],
    bytes,
    estimatedRows,
    readable: true,
    rowSecurity: false,
  };
}

const tables = [table('1', 'events', 800, 1_000), table('2', 'users', 150, 0), table('3', 'tags', 50, 10)];

function copying(oid: string, rows: number, bytes = 0) {
  return { pid: 1, table: oid, rows, bytes, blockers: [] };
}

function at(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000);
}

describe('how far a dump is', () => {
  test('a table in work counts by its share of rows, one that is over counts whole', () => {
    const dump = followDump(tables, start);
    dump.heard('pg_dump: dumping contents of table "public.events"');
    expect(dump.seen([copying('1', 500)], at(1))).toMatchObject({
      bytesDone: 400,
      tablesDone: 0,
      currentTables: ['public.events'],
    });
    dump.heard('pg_dump: dumping contents of table "public.users"');
    expect(dump.seen([copying('2', 7, 75)], at(2))).toMatchObject({ bytesDone: 875, tablesDone: 1 });
    expect(dump.seen([], at(3))).toMatchObject({
      bytesDone: 950,
      tablesDone: 2,
      currentTables: [],
      bytesTotal: 1_000,
      tablesTotal: 3,
    });
  });

  test('a table that was only just started does not count as done', () => {
    const dump = followDump(tables, start);
    dump.heard('pg_dump: dumping contents of table "public.events"');
    expect(dump.seen([], at(1))).toMatchObject({ bytesDone: 0, tablesDone: 0 });
  });

  test('one too small to be seen at work is done by the next look', () => {
    const dump = followDump(tables, start);
    dump.heard('pg_dump: dumping contents of table "public.tags"');
    dump.seen([], at(1));
    expect(dump.seen([], at(2))).toMatchObject({ bytesDone: 50, tablesDone: 1 });
  });

  test('more rows than the planner knew of are never more than the table', () => {
    const dump = followDump(tables, start);
    expect(dump.seen([copying('1', 9_000)], at(1)).bytesDone).toBe(792);
  });

  test('it never goes back', () => {
    const dump = followDump(tables, start);
    dump.seen([copying('1', 900)], at(1));
    expect(dump.seen([copying('1', 100)], at(2)).bytesDone).toBe(720);
  });

  test('the end is estimated when there is something to judge by', () => {
    const dump = followDump(tables, start);
    expect(dump.seen([copying('1', 500)], at(1)).estimatedEnd).toBeUndefined();
    expect(dump.seen([copying('1', 500)], at(10)).estimatedEnd).toEqual(at(25));
    expect(followDump(tables, start).seen([], at(10)).estimatedEnd).toBeUndefined();
  });

  test('an empty database and strange lines do no harm', () => {
    const dump = followDump([], start);
    dump.heard('pg_dump: dumping contents of table "public.constructor"');
    expect(dump.seen([copying('9', 1)], at(10))).toMatchObject({
      bytesDone: 0,
      bytesTotal: 0,
      estimatedEnd: undefined,
    });
  });
});
