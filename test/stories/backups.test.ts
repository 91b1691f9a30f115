import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Manifest } from '../../src/backups/manifest.ts';
import { verification, writeBackup } from '../backups/manifests.ts';
import { type Office, openOffice } from './office.ts';

const day = 86_400_000;
const yaml = `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    backups: {schedule: false, retention: {days: 30, at_least: 1}}
`;

/** Puts a backup of so many days ago into the office's BACKUP_DIR. */
async function aged(office: Office, days: number, own: Partial<Manifest> = {}) {
  const takenAt = new Date(Date.now() - days * day);
  return writeBackup(path.join(office.folder, 'backups', 'portal'), { action: `A-9${days}`, takenAt, ...own });
}

const kept = (office: Office) => readdir(path.join(office.folder, 'backups', 'portal'));

describe('the backups of the portal', () => {
  let office: Office;
  beforeAll(async () => {
    office = await openOffice({ yaml });
  });
  afterAll(async () => {
    expect(office.slack.violations).toEqual([]);
    expect(office.logged()).not.toContain('something broke');
    await office.close();
  });

  test('are taken before a migration with a note, and found again by it', async () => {
    const { ada, reads } = office;
    await ada.types('/db backups');
    await reads('#incident', 'there is no backup of the whole database');
    await ada.types('/db backup --note "before <!channel> migration"');
    await reads('#incident', 'Backup complete');
    await ada.types('/db backups');
    const page = await reads('#incident', /Backups on portal: needs attention[\s\S]*before <!channel> migration/);
    expect(page.text).toMatch(/was never proved restorable\n→ Prove it with `\/db verify latest`[\s\S]*never verified/);
  });

  test('of SQL, of definitions and of some tables are told apart', async () => {
    const { ada, reads } = office;
    await ada.types('/db backup --plain');
    await reads('#incident', 'gunzip --stdout');
    await ada.types('/db backup --schema-only --tables users');
    await reads('#incident', 'no row of any table');
    await ada.types('/db backups');
    await reads('#incident', /tables, schema[\s\S]*whole, SQL[\s\S]*whole /);
  });

  test('ada pins one, so that it stays when ben approves that the old ones go', async () => {
    const { ada, ben, reads } = office;
    const old = await aged(office, 400);
    const merger = await aged(office, 200);
    await aged(office, 50, { verifications: [verification({ problem: 'cut off' })] });
    await ada.types(`/db backup-pin ${merger.manifest.action} --reason "the state before the merger"`);
    await reads('#incident', /is pinned: it is kept until somebody takes the pin away[\s\S]*before the merger/);
    await ada.types('/db backups --expiring');
    const dryRun = await reads('#incident', 'Removes');
    expect(dryRun.text).toContain(old.name);
    expect(dryRun.text).not.toContain(merger.name);
    expect(await kept(office)).toContain(old.name);

    await ada.clicks('Prune them', { on: dryRun });
    const card = await reads('#incident', 'Remove 2 backups that the settings no longer keep?');
    await ben.clicks('Approve', { on: card });
    await reads('#incident', 'Removed 2 backups');
    await reads('#db-audit', new RegExp(`removed 2 backups: .*${old.name}`));
    const left = await kept(office);
    expect(left).toContain(merger.name);
    expect(left).not.toContain(old.name);

    await ada.types('/db backup-prune');
    await office.sees(ada, 'Nothing to remove: the settings keep every backup.');
    await ada.types('/db backup-pin A-9200 --remove');
    await reads('#incident', 'is no longer pinned');
  });

  test('a mistyped name is answered with the nearest', async () => {
    await office.ada.types('/db backup-pin A-9201');
    await office.sees(office.ada, /There is no backup “A-9201”[\s\S]*A-9200/);
  });

  test('many come as a file, and a folder that is none is named', async () => {
    const { ada, reads, slack } = office;
    await mkdir(path.join(office.folder, 'backups', 'portal', 'holiday pictures'));
    for (let n = 1; n < 12; n += 1) await aged(office, n);
    await ada.types('/db backups');
    const page = await reads('#incident', 'holiday pictures is no backup that can be read: manifest.json is missing');
    const answer = await slack.until(
      () => ada.sees('#incident').find(({ thread_ts, files }) => thread_ts === page.ts && files?.length),
      'the file below the page',
    );
    expect(answer.files?.[0]?.name).toBe('backups.csv');
    await rm(path.join(office.folder, 'backups', 'portal', 'holiday pictures'), { recursive: true });
  });
});

test('a database that is down keeps nobody from finding its backups', async () => {
  await using office = await openOffice({ yaml, environment: { DATABASE_URL: 'postgresql://bot@127.0.0.1:1/portal' } });
  const { name } = await aged(office, 2);
  const before = await aged(office, 1, { database: 'portal_before' });
  await writeFile(path.join(office.folder, 'backups', 'portal', 'stray'), '');
  const asked = performance.now();
  await office.ada.types('/db backups');
  const page = await office.reads('#incident', before.name);
  expect(page.text).toMatch(new RegExp(`Newest good: .*${name}`));
  expect(page.text).toContain(`\`${before.name}\` (of another database)`);
  await office.ada.types('/db backup-pin latest');
  await office.reads('#incident', new RegExp(`${name}.* is pinned`));
  // Long before the target is given up that does not answer.
  expect(performance.now() - asked).toBeLessThan(8_000);
  await office.ada.types('/db verify latest --level files');
  await office.reads('#incident', new RegExp(`${name}[\\s\\S]*files`));
});

test('a target that was renamed says where its backups are, whatever is asked of them', async () => {
  await using office = await openOffice({ yaml: yaml.replace('name: portal', 'name: production') });
  await aged(office, 2);
  const told = () => office.seenBy(office.ada, '#incident').filter(text => text.includes('no target is called portal'));
  for (const [index, line] of ['backups', 'verify latest', 'restore latest', 'backup-pin latest'].entries()) {
    await office.ada.types(`/db ${line}`);
    await office.slack.until(() => told().length > index, `where the backups are, after ${line}`);
  }
  expect(told()[0]).toMatch(/portal has 1 backup of the database portal[\s\S]*rename that folder/);
});
