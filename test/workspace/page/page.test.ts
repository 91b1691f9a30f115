import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { type Fixture, servePage } from './fixture.ts';
import { APPROVAL_TS, AUDIT, DENY_VIEW, INCIDENT, SAMPLE, VIOLATION } from './sample.ts';

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

let browser: Browser;
let workspace: Fixture;
let page: Page;
let problems: string[];

beforeAll(async () => {
  browser = await launchChromium(process.env.PATH ?? '');
});
afterAll(async () => {
  await browser?.close();
});
beforeEach(async () => {
  workspace = await servePage(SAMPLE);
  problems = [];
});
afterEach(async () => {
  await page?.close();
  await workspace.close();
  expect(problems).toEqual([]);
});

async function open(search = '', viewport = DESKTOP): Promise<void> {
  page = await browser.newPage({ viewport, timezoneId: 'Europe/Paris' });
  page.setDefaultTimeout(10_000);
  page.on('pageerror', error => problems.push(error.message));
  await page.goto(workspace.url + search);
  await page.locator('.message').first().waitFor();
}

const pane = (index: number) => page.locator('.pane').nth(index);
const message = (ts: string, index = 0) => pane(index).locator(`.message[data-ts="${ts}"]`);
const composer = (index = 0) => pane(index).locator('> footer textarea');
const approve = (index = 0) => message(APPROVAL_TS, index).locator('[data-action-id=approve]');

/** Polls until the workspace got this many POSTs; gives the last one. */
async function posted(count: number): Promise<Fixture['posts'][number]> {
  const deadline = Date.now() + 10_000;
  while (workspace.posts.length < count && Date.now() < deadline)
    await page.evaluate('new Promise(requestAnimationFrame)');
  expect(workspace.posts).toHaveLength(count);
  return workspace.posts.at(-1)!;
}

describe('what is shown', () => {
  test('#incident and #db-audit side by side, as the first person', async () => {
    await open();
    expect(await pane(0).getAttribute('data-channel')).toBe(INCIDENT);
    expect(await pane(1).getAttribute('data-channel')).toBe(AUDIT);
    expect(await pane(1).getAttribute('data-as')).toBe('U00000ADA');
    expect(await message(APPROVAL_TS).textContent()).toContain('Terminate backend 4711');
    expect(await page.locator('.ping').textContent()).toBe('@channel');
  });

  test('an ephemeral message is there for its reader alone', async () => {
    await open('?as=ada&beside=ben');
    await pane(1).locator('.message').first().waitFor();
    expect(await pane(0).getByText('Only visible to you').count()).toBe(1);
    expect(await pane(1).getByText('Only visible to you').count()).toBe(0);
  });

  test('a thread unfolds in place and takes a reply', async () => {
    await open();
    await message(APPROVAL_TS).getByRole('button', { name: '3 replies' }).click();
    expect(await message(APPROVAL_TS).locator('.replies .message').count()).toBe(3);
    await message(APPROVAL_TS).getByRole('textbox', { name: 'Reply…' }).fill('done');
    await page.keyboard.press('Enter');
    expect((await posted(1)).body).toEqual({ as: 'U00000ADA', in: INCIDENT, text: 'done', thread: APPROVAL_TS });
  });

  test('a change arrives by itself, and a half-made choice elsewhere survives it', async () => {
    await open();
    const menu = pane(0).locator('details.overflow');
    await menu.locator('summary').click();
    workspace.change({
      messages: [...SAMPLE.messages, { ts: '1795000900.000100', channel: INCIDENT, user: 'U00000BEN', text: 'On it.' }],
    });
    await pane(0).getByText('On it.').waitFor();
    expect(await menu.getAttribute('open')).toBe('');
  });

  test('a broken limit is told in a banner and on its message', async () => {
    await open();
    expect(await page.locator('#violations').isVisible()).toBe(false);
    workspace.change({ violations: [VIOLATION] });
    await page.locator('#violations').getByText(VIOLATION.what).waitFor();
    expect(await message(VIOLATION.ts, 1).getAttribute('class')).toContain('broken');
    expect(await page.locator('.broken').count()).toBe(1);
  });

  test('a channel chosen that stands on the right already changes places', async () => {
    await open();
    await page.locator('#channels').getByText('#db-audit').click();
    expect(await pane(0).getAttribute('data-channel')).toBe(AUDIT);
    expect(await pane(1).getAttribute('data-channel')).toBe(INCIDENT);
    await page.reload();
    await page.locator(`.pane[data-channel="${AUDIT}"]`).waitFor();
    expect(await pane(0).getAttribute('data-channel')).toBe(AUDIT);
  });

  test('hostile text runs nothing', async () => {
    const text = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>';
    const hostile = { channel: INCIDENT, user: text, bot_id: text, text };
    workspace.change({
      people: [...SAMPLE.people, { id: text, name: text }],
      messages: [
        { ...hostile, ts: '1795000900.000100' },
        { ...hostile, ts: '1795000901.000100', blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] },
        { ...hostile, ts: '1795000902.000100', files: [{ name: text, url_private: 'javascript:window.owned=1' }] },
      ],
      violations: [{ what: text, at: 0 }],
    });
    await open();
    expect(await pane(0).locator('.message').count()).toBe(3);
    expect(await page.evaluate('window.owned')).toBeUndefined();
    expect(await page.locator('#panes img, #panes script').count()).toBe(0);
  });
});

describe('what a person does', () => {
  test('types as one person, then clicks as another and confirms', async () => {
    await open();
    await composer().fill('/db status');
    await page.keyboard.press('Enter');
    expect(await posted(1)).toEqual({ path: '/type', body: { as: 'U00000ADA', in: INCIDENT, text: '/db status' } });

    await pane(0).locator('.chip[data-as=U00000BEN]').click();
    await approve().click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.textContent()).toContain('This cannot be undone.');
    await dialog.getByRole('button', { name: 'Terminate it' }).click();
    expect(await posted(2)).toEqual({
      path: '/click',
      body: {
        as: 'U00000BEN',
        channel: INCIDENT,
        ts: APPROVAL_TS,
        block_id: 'decide',
        action_id: 'approve',
        value: 'A-1042',
      },
    });
  });

  test('a confirmation that is turned down, by button or Escape, sends nothing', async () => {
    await open();
    await approve().click();
    await page.getByRole('button', { name: 'Not now' }).click();
    await approve().click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await message(APPROVAL_TS).locator('[data-action-id=deny]').click();
    expect((await posted(1)).body).toMatchObject({ action_id: 'deny' });
  });

  test('two people side by side each click as themselves', async () => {
    await open('?as=ada&beside=ben');
    await message(APPROVAL_TS, 1).locator('[data-action-id=deny]').click();
    expect((await posted(1)).body).toMatchObject({ as: 'U00000BEN' });
    await message(APPROVAL_TS, 0).locator('[data-action-id=deny]').click();
    expect((await posted(2)).body).toMatchObject({ as: 'U00000ADA' });
  });

  test('an overflow menu sends the option', async () => {
    await open();
    await pane(0).locator('details.overflow summary').click();
    await pane(0).getByRole('button', { name: 'Show as text' }).click();
    expect((await posted(1)).body).toMatchObject({ action_id: 'more', selected: 'text' });
  });

  test('arrow up brings back what was sent; a refusal is told and keeps the text', async () => {
    await open();
    for (const line of ['/db status', '/db help']) {
      await composer().fill(line);
      await page.keyboard.press('Enter');
      await pane(0).locator('> footer textarea:placeholder-shown').waitFor();
    }
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    expect(await composer().inputValue()).toBe('/db status');
    workspace.refuse('/type', 'ada is not in #incident');
    await page.keyboard.press('Enter');
    await page.locator('.toast').getByText('ada is not in #incident').waitFor();
    expect(await composer().inputValue()).toBe('/db status');
  });

  test('fills in a modal, reads what is wrong with it, and keeps what was typed', async () => {
    workspace.change({ modals: { U00000ADA: DENY_VIEW } });
    await open();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Why not?').fill('no');
    await dialog.getByLabel('the channel').check();
    await dialog.getByRole('button', { name: 'Deny' }).click();
    expect(await posted(1)).toEqual({
      path: '/submit',
      body: { as: 'U00000ADA', values: { reason: { text: 'no' }, tell: { who: ['channel'] } } },
    });
    const submit = { type: 'plain_text' as const, text: 'Deny it' };
    workspace.change({ modals: { U00000ADA: { ...DENY_VIEW, submit, errors: { reason: 'Please say more.' } } } });
    await dialog.getByText('Please say more.').waitFor();
    expect(await dialog.getByLabel('Why not?').inputValue()).toBe('no');
    await page.keyboard.press('Escape');
    expect(await posted(2)).toEqual({ path: '/close', body: { as: 'U00000ADA' } });
    workspace.change({ modals: {} });
    await dialog.waitFor({ state: 'detached' });
  });

  test('chooses a person by keyboard', async () => {
    await open();
    await pane(0).locator('.chip[data-as=U00000ADA]').focus();
    await page.keyboard.press('ArrowRight');
    expect(await pane(0).getAttribute('data-as')).toBe('U00000BEN');
    expect(page.url()).toContain('as=ben');
  });
});

test('on a phone there is one column and nothing sticks out', async () => {
  workspace.change({ violations: [VIOLATION] });
  await open('', PHONE);
  expect(await pane(0).isVisible()).toBe(true);
  expect(await pane(1).isVisible()).toBe(false);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.width);
  await page.locator('#channels').getByText('#db-audit').click();
  await message(VIOLATION.ts).waitFor();
});

test('without a browser the error says how to get one', async () => {
  problems = [];
  await expect(launchChromium('/nowhere')).rejects.toThrow('apt-get install -y chromium');
});
