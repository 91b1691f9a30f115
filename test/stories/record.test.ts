/** The record, as people and auditors read it, and somebody who tampers with it. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import type { Message } from '../workspace/workspace.ts';
import { openOffice } from './office.ts';

const office = await openOffice();
afterAll(() => office.close());
afterEach(() => office.slack.faults.clear());

const { slack, ada, ben } = office;
const audit = slack.channel('#db-audit');

/** Asks for a verification, and waits for its verdict. */
async function verdict(): Promise<string> {
  const before = new Set(office.transcript('#incident'));
  await ada.types('/db audit verify');
  return slack.until(
    () => office.transcript('#incident').find(text => !before.has(text) && /The record (is whole|differs)/.test(text)),
    'a verdict',
    10_000,
  );
}

const killed = await (async () => {
  const victim = await office.idleSession();
  const id = await office.asksToKill(victim, '--reason "it blocks the deploy"');
  await ben.clicks('Approve');
  await office.reads('#incident', `${id} is done`);
  return id;
})();

/** The audit channel's message of ben's approval. */
const approval = (): Promise<Message> => office.reads('#db-audit', new RegExp(`${killed}[\\s\\S]*approved by ben`));

test('who did what, newest first, and who decided', async () => {
  await ada.types('/db audit --command kill');
  await office.reads('#incident', new RegExp(`${killed} .*ada .*kill \\d+.*approved by ben.*succeeded`));
});

test('one action with its events', async () => {
  await approval();
  await ada.types(`/db audit --action ${killed}`);
  await office.reads(
    '#incident',
    new RegExp(`${killed}: succeeded[\\s\\S]*waits for a second person[\\s\\S]*approved by ben`),
  );
  await ada.types('/db audit --action A-7');
  await office.reads('#incident', /There is no action A-7 that you may see/);
});

test('by whom, on what, since when', async () => {
  await ada.types('/db audit --by @ben --since 7d');
  await office.reads('#incident', /nothing that matches \(by U\w+ since 7d\)/);
  await ada.types('/db audit --target nowhere');
  await office.reads('#incident', /nothing that matches \(on nowhere\)/);
});

test('several options at once: each narrows down, and a person is named', async () => {
  const target = office.database.name;
  await ada.types(`/db audit --since 1h --by @ada --command KILL --target ${target}`);
  const page = await office.reads('#incident', `1 action (/db kill by ada on ${target} since 1h), newest first`);
  expect(JSON.stringify(page.blocks)).toContain(killed);
});

test.each([
  ['--since tomorrow', /--since: write how far back: 30m, 12h, 7d or 4w/],
  ['--by ben', /--by: write @ and choose the person that Slack offers/],
  ['--action 1042', /--action: write an id such as A-1042/],
  ['--before yesterday', /--before: write an id such as A-1042/],
  ['verfy', /the only word that may follow is verify/],
  ['verify --csv --by @ben', /verify looks at the whole record; --by, --csv cannot go with it/],
  ['--action A-1001 --since 7d', /--action shows one action with its events; --since cannot go with it/],
  ['--action A-1001 --jsonl', /--action shows one action with its events; --jsonl cannot go with it/],
  ['--csv --jsonl', /One file at a time/],
])('what cannot be answered is said: %s', async (options, said) => {
  await ada.types(`/db audit ${options}`);
  await office.sees(ada, said);
});

test('pages: Older turns the page in the same message, for anyone, until there is nothing older', async () => {
  for (let round = 0; round < 22; round += 1) {
    const person = [ada, ben, office.cleo][round % 3]!;
    await person.types('/db help kill');
    await slack.until(
      () => office.transcript('#db-audit').filter(text => /\/db help kill/.test(text)).length > round,
      'a help on record',
    );
  }
  await ada.types('/db audit --command help');
  const first = await office.reads('#incident', /20 actions \(\/db help\), newest first/);
  await ben.clicks('Older', { on: first });
  const second = await office.reads('#incident', /2 actions \(\/db help older than A-\d+\), newest first/);
  expect(second.ts).toBe(first.ts);
  await expect(ben.clicks('Older', { on: second })).rejects.toThrow(/no button "Older"/);
}, 60_000);

test.each(['A-1', 'A-9999999 A-1', 'KILLED A-1001', 'kill 1'])(
  'a page that somebody forges is not turned: %s',
  async value => {
    const told = () => office.seenBy(ada, '#incident').filter(text => /cannot be turned any more/.test(text)).length;
    const before = told();
    await ada.clicksRaw({ action_id: 'older', value: value.replace('KILLED', killed) });
    await slack.until(() => told() > before, 'a refusal');
  },
);

test('a CSV file hangs below its answer', async () => {
  await ada.types('/db audit --csv --command kill');
  const answer = await office.reads('#incident', /\d actions? in audit-\d{4}-\d\d-\d\d\.csv, below/);
  const upload = await slack.until(
    () =>
      slack
        .channel('#incident')
        .thread(answer.ts)
        .find(message => message.files?.length),
    'the file',
  );
  const content = slack.file(upload.files![0]!.id)!.toString();
  expect(content.split('\r\n')[0]).toMatch(/^action,asked_at,/);
  expect(content).toMatch(
    new RegExp(`${killed},.*ada,kill,.*it blocks the deploy[\\s\\S]*approved ${ben.id},ben,no,succeeded`),
  );
});

test('a file of JSON lines holds the hashes that the audit channel shows', async () => {
  await ada.types('/db audit --jsonl --command kill');
  const answer = await office.reads('#incident', /1 action in audit-[\d-]+\.jsonl, below/);
  const upload = await slack.until(
    () =>
      slack
        .channel('#incident')
        .thread(answer.ts)
        .find(message => message.files?.length),
    'the file',
  );
  const [line, end] = slack.file(upload.files![0]!.id)!.toString().split('\n');
  const action = JSON.parse(line!) as { id: string; events: { hash: string; kind: string }[] };
  expect([action.id, end]).toEqual([killed, '']);
  expect(action.events.map(({ kind }) => kind)).toEqual(['asked', 'planned', 'approved', 'started', 'succeeded']);
  expect(JSON.stringify((await approval()).blocks)).toContain(action.events[2]!.hash.slice(0, 12));
});

test('without the scope files:write the answer says what to do', async () => {
  slack.faults.on('files.getUploadURLExternal', { error: 'missing_scope' });
  await ada.types('/db audit --jsonl');
  await office.sees(ada, /The file could not be attached: the Slack app lacks the scope files:write/);
});

test('whole, in the store and in the channel', async () => {
  expect(await verdict()).toMatch(
    /The record is whole[\s\S]*Computed \d+ hashes anew[\s\S]*Compared \d+ messages of the audit channel, back to its beginning/,
  );
});

test('a message of the audit channel is edited with the bot’s own token: named, until it is as it was', async () => {
  const message = await approval();
  const { blocks, edited } = message;
  await fetch(`${slack.apiUrl}chat.update`, {
    method: 'POST',
    headers: { authorization: `Bearer ${slack.botToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel: audit.id, ts: message.ts, text: message.text, blocks }),
  });
  expect(message.edited).toBeDefined();
  expect(await verdict()).toMatch(
    /differs in 1 place[\s\S]*First:[\s\S]*message edited[\s\S]*shows event #\d+ was edited[\s\S]*Next:[\s\S]*Leave both as they are/,
  );
  message.edited = edited!;
  expect(await verdict()).toMatch(/The record is whole/);
}, 60_000);

test.each([
  ['words', /approved by ben/, 'approved by cleo'],
  ['hash', /`[0-9a-f]{12}`/, '`000000000000`'],
])('its %s is changed without a trace of an edit', async (_what, from, to) => {
  const message = await approval();
  const before = message.blocks!;
  const changed = JSON.stringify(before).replace(from, to);
  expect(changed).not.toBe(JSON.stringify(before));
  message.blocks = JSON.parse(changed) as typeof before;
  expect(await verdict()).toMatch(/differs in 1 place[\s\S]*message edited/);
  message.blocks = before;
});

test('a message is deleted', async () => {
  const message = await office.reads('#db-audit', /\/db help kill/);
  message.deleted = true;
  expect(await verdict()).toMatch(/message missing[\s\S]*was posted, and the channel does not show it any more/);
  message.deleted = false;
});

test('somebody without the bot’s token posts what looks like the record', async () => {
  await ada.types('*A-1001* approved by ben · #3 `abcdefabcdef`', { in: '#db-audit' });
  expect(await verdict()).toMatch(/unknown message[\s\S]*looks like the record, and was not posted by the bot/);
  audit.messages().find(({ text }) => text.includes('abcdefabcdef'))!.deleted = true;
});

test('somebody with the bot’s token posts a copy of the record with other words', async () => {
  const { blocks, metadata } = await approval();
  const answer = await fetch(`${slack.apiUrl}chat.postMessage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${slack.botToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      channel: audit.id,
      text: 'the record',
      blocks: JSON.parse(JSON.stringify(blocks).replace('approved by ben', 'approved by cleo')),
      metadata,
    }),
  });
  const { ts } = (await answer.json()) as { ts: string };
  expect(await verdict()).toMatch(/unknown message[\s\S]*somebody has the bot’s token/);
  audit.messages().find(message => message.ts === ts)!.deleted = true;
  expect(await verdict()).toMatch(/The record is whole/);
});

test('Slack does not give its history: said, with the way around', async () => {
  slack.faults.on('conversations.history', { error: 'missing_scope' });
  await ada.types('/db audit verify');
  await office.reads(
    '#incident',
    /did not give the audit channel’s messages \(missing_scope[\s\S]*npm run audit -- verify/,
  );
});

test('a busy Slack is waited for', async () => {
  const busy = slack.faults.on('conversations.history', { rateLimited: 1 }, { times: 2 });
  expect(await verdict()).toMatch(/The record is whole/);
  expect(busy.hits).toBe(2);
});

test('the file’s tail is deleted and its head moved, so that the file alone looks whole: the channel knows better', async () => {
  await office.stopBot();
  const file = new DatabaseSync(path.join(office.folder, 'state', 'store.db'));
  const { seq, action } = file
    .prepare(`select seq, action_id as action from events where kind = 'asked' order by seq desc limit 1`)
    .get() as { seq: number; action: number };
  file.exec(`
    delete from deliveries where event_seq >= ${seq}; delete from events where seq >= ${seq};
    delete from actions where id = ${action};
    update record_head set seq = ${seq - 1}, hash = (select hash from events where seq = ${seq - 1});`);
  file.close();
  await office.startBot();
  expect(await verdict()).toMatch(
    new RegExp(`differs[\\s\\S]*First:[\\s\\S]*(tail deleted|event changed)[\\s\\S]*#${seq}\\b`),
  );
}, 60_000);

test('Slack had nothing to object to', () => {
  expect(slack.violations).toEqual([]);
});
