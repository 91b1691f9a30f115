/** Backups that are encrypted and copied elsewhere, through the real bot with the real age and rclone. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ageKey } from '../backups/age-keys.ts';
import { type Office, openOffice } from './office.ts';

let office: Office;
let folder: string;
let remote: string;
let identityFile: string;
let rcloneConfig: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-safekeeping-'));
  remote = path.join(folder, 'remote');
  rcloneConfig = path.join(folder, 'rclone.conf');
  await mkdir(remote);
  await writeFile(rcloneConfig, `[offsite]\ntype = alias\nremote = ${remote}\n`, { mode: 0o600 });
  const key = await ageKey(folder, 'age.txt');
  identityFile = key.identityFile;
  office = await openOffice({
    yaml: `
targets:
  - name: portal
    database_url_env: DATABASE_URL
    backups:
      schedule: false
      age_recipients: [${key.recipient}]
      age_identity_file: ${identityFile}
      offsite: "offsite:kept"
      rclone_config: ${rcloneConfig}
`,
  });
});
afterAll(async () => {
  expect(office.slack.violations).toEqual([]);
  await office.close();
  await rm(folder, { recursive: true, force: true });
});

test('ada’s backup is encrypted and copied, the answer and the record say so, and no key is in either', async () => {
  await office.ada.types('/db backup --tables users');
  await office.reads('#incident', /encrypted with age to 1 key[\s\S]*offsite:kept\/portal\//);
  await office.reads('#db-audit', /succeeded[\s\S]*encrypted, copied to offsite:kept\/portal\//);
  const [name] = await readdir(path.join(remote, 'kept', 'portal'));
  const manifest = JSON.parse(
    await readFile(path.join(office.folder, 'backups', 'portal', name!, 'manifest.json'), 'utf8'),
  );
  expect(manifest.copies).toMatchObject([{ remote: `offsite:kept/portal/${name}` }]);
  const secret = /AGE-SECRET-KEY-\w+/.exec(await readFile(identityFile, 'utf8'))![0];
  for (const told of [office.logged(), ...office.transcript('#incident'), ...office.transcript('#db-audit')]) {
    expect(told).not.toContain(secret);
  }
});

test('without its remote the backup stands, what is missing is said with what to type, and typing that mends it', async () => {
  await rename(rcloneConfig, `${rcloneConfig}.away`);
  await office.ada.types('/db backup --tables orders');
  const answer = await office.reads('#incident', /there is no copy of it elsewhere/);
  expect(answer.text).toContain('Backup complete');
  const line = /`(\/db backup-copy \S+)`/.exec(answer.text ?? '')![1]!;
  await office.reads('#db-audit', /succeeded[\s\S]*NOT copied/);

  await rename(`${rcloneConfig}.away`, rcloneConfig);
  await office.ada.types(line);
  await office.reads('#incident', /Copied and compared/);
  await office.reads('#db-audit', /succeeded.*copied to offsite:kept\/portal\/.* and compared/);
  expect(await readdir(path.join(remote, 'kept', 'portal'))).toHaveLength(2);
});
