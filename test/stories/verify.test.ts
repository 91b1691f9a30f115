import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execa } from 'execa';
import { flipBit } from '../backups/verify-stand.ts';
import { until } from '../cluster/until.ts';
import { type Office, openOffice } from './office.ts';

/** A restore and a server of its own take seconds, and many more on a busy machine; milliseconds. */
const patience = 60_000;
jest.setTimeout(2 * patience);

/** Backs up the office's database; the backup's folder. */
async function backedUp(office: Office): Promise<string> {
  await office.ada.types('/db backup');
  await office.reads('#incident', /Backup complete/);
  const root = path.join(office.folder, 'backups');
  const [target] = await readdir(root);
  const [name] = await readdir(path.join(root, target!));
  return path.join(root, target!, name!);
}

describe('a verification', () => {
  let office: Office;
  let backup: string;
  beforeAll(async () => {
    office = await openOffice({ patience });
    backup = await backedUp(office);
  }, 2 * patience);
  afterAll(async () => {
    expect(office.slack.violations).toEqual([]);
    expect(office.logged()).not.toContain('something broke');
    await office.close();
  });

  test('says which level was reached, what each step took, and why it is not the next', async () => {
    const { ada, reads } = office;
    await ada.types('/db verify latest');
    // The portal has rows that its own checks complain of, and so has its backup.
    await reads(
      '#incident',
      /Verified: restored with the rows of the snapshot \(counts\)[\s\S]*Level contents not reached[\s\S]*Row counts/,
    );
    await reads('#db-audit', /verified, level counts of contents/);
  });

  test('that is asked for less says what it does not prove', async () => {
    await office.ada.types(`/db verify ${path.basename(backup)} --level readable`);
    await office.reads(
      '#incident',
      /Verified: it can be read to its end[\s\S]*Not proved: that a restore comes to its end/,
    );
  });

  test('of a damaged backup has failed, and says where the damage is', async () => {
    await flipBit(path.join(backup, 'dump/toc.dat'));
    await office.ada.types('/db verify');
    await office.reads('#incident', /Damaged backup[\s\S]*dump\/toc\.dat has another SHA-256/);
    await office.reads('#db-audit', /failed[\s\S]*is damaged, level none of contents/);
    await office.ada.types('/db verify');
    await office.sees(office.ada, /There is no good backup of the whole database/);
  });

  test('of a backup that does not exist names the nearest', async () => {
    await office.ada.types('/db verify A-4711');
    await office.sees(office.ada, /There is no backup “A-4711”/);
  });
});

test('when the bot is killed in the middle, its server is found and ended at the next start, and the requester is told', async () => {
  const temporary = await mkdtemp(path.join(tmpdir(), 'verify-story-'));
  await chmod(temporary, 0o711);
  const office = await openOffice({ asProcess: true, patience, environment: { TMPDIR: temporary } });
  const servers = async () => {
    const { stdout } = await execa('ps', ['-A', '-o', 'pid=,args=']);
    return stdout.split('\n').filter(line => line.includes('postgres -D') && line.includes(temporary));
  };
  try {
    await backedUp(office);
    await office.ada.types('/db verify');
    await until('the throwaway server runs', async () => (await servers()).length > 0, { withinMs: patience });
    await office.killBot();
    // A process that it has just begun may bear its name for a moment.
    await until('the server alone', async () => (await servers()).length === 1);
    await office.startBot();
    await until('the throwaway server is gone', async () => (await servers()).length === 0);
    expect((await readdir(temporary)).filter(name => name.startsWith('pg-chatops-scratch'))).toEqual([]);
    await office.reads('#incident', /what the verification needed is removed/);
  } finally {
    await office.close();
    await rm(temporary, { recursive: true, force: true });
  }
});
