import { describe, expect, test } from '@jest/globals';
import { LIMITS, type LimitName, SURFACES } from './limits.ts';
import { isRefusal, parseView, problemsOfBlocks, refusalOfMessage } from './validate/surfaces.ts';

type Json = Record<string, unknown>;
/** What would be sent: a message, or a modal. */
type Candidate = { message: { text?: string; blocks?: unknown[] } } | { modal: unknown };

const letters = (count: number) => 'x'.repeat(count);
const plain = (text: string) => ({ type: 'plain_text', text });
const times = <Item>(count: number, make: (index: number) => Item) => Array.from({ length: count }, (_, i) => make(i));
const message = (...blocks: Json[]): Candidate => ({ message: { text: 'twin', blocks } });
const section = (text: string) => ({ type: 'section', text: plain(text) });
const actions = (...elements: Json[]) => ({ type: 'actions', elements });
const button = (extra: Json = {}) => ({ type: 'button', text: plain('Go'), ...extra });
const option = (index: number) => ({ text: plain(`option ${index}`), value: String(index) });
const row = (...texts: string[]) => texts.map(text => ({ type: 'raw_text', text }));
const table = (rows: Json[][]) => ({ type: 'data_table', caption: 'Backends', rows });
const modal = (extra: Json = {}): Candidate => ({
  modal: { type: 'modal', title: plain('Deny'), blocks: [section('why')], ...extra },
});
const confirmed = (extra: Json) => message(actions(button({ confirm: { text: plain('Sure?'), ...extra } })));
const paddedTo = (bytes: number) => {
  const bare = { type: 'modal', title: plain('Deny'), blocks: times(99, () => section('')) };
  const spare = bytes - Buffer.byteLength(JSON.stringify(bare));
  const share = Math.floor(spare / 99);
  const blocks = times(99, index => section(letters(index === 0 ? share + (spare % 99) : share)));
  return { modal: { ...bare, blocks } };
};

/** For each limit, something exactly this big. */
const SIZED: Readonly<Record<LimitName, (size: number) => Candidate>> = {
  messageText: size => ({ message: { text: letters(size) } }),
  messageBlocks: size => message(...times(size, () => ({ type: 'divider' }))),
  messageBlockText: size => message(...times(5, i => section(letters(i ? 2_500 : size - 4 * 2_500)))),
  viewBlocks: size => modal({ blocks: times(size, () => ({ type: 'divider' })) }),
  viewBytes: paddedTo,
  viewTitle: size => modal({ title: plain(letters(size)) }),
  viewSubmit: size => modal({ submit: plain(letters(size)) }),
  viewClose: size => modal({ close: plain(letters(size)) }),
  privateMetadata: size => modal({ private_metadata: letters(size) }),
  callbackId: size => modal({ callback_id: letters(size) }),
  textObject: size => message({ type: 'context', elements: [plain(letters(size))] }),
  sectionText: size => message(section(letters(size))),
  sectionFields: size => message({ type: 'section', fields: times(size, () => plain('field')) }),
  sectionField: size => message({ type: 'section', fields: [plain(letters(size))] }),
  headerText: size => message({ type: 'header', text: plain(letters(size)) }),
  contextElements: size => message({ type: 'context', elements: times(size, () => plain('element')) }),
  actionsElements: size => message(actions(...times(size, () => button()))),
  inputLabel: size => message({ type: 'input', label: plain(letters(size)), element: { type: 'plain_text_input' } }),
  buttonText: size => message(actions(button({ text: plain(letters(size)) }))),
  buttonValue: size => message(actions(button({ value: letters(size) }))),
  confirmTitle: size => confirmed({ title: plain(letters(size)) }),
  confirmText: size => confirmed({ text: plain(letters(size)) }),
  confirmButton: size => confirmed({ confirm: plain(letters(size)) }),
  actionId: size => message(actions(button({ action_id: letters(size) }))),
  blockId: size => message({ type: 'divider', block_id: letters(size) }),
  selectOptions: size => message(actions({ type: 'static_select', options: times(size, option) })),
  overflowOptions: size => message(actions({ type: 'overflow', options: times(size, option) })),
  choiceOptions: size => message(actions({ type: 'checkboxes', options: times(size, option) })),
  optionText: size => message(actions({ type: 'overflow', options: [{ text: plain(letters(size)), value: '1' }] })),
  tableRows: size => message(table(times(size, () => row('a')))),
  tableColumns: size => message(table([row(...times(size, () => 'a'))])),
  tableCharacters: size => message(table([row('pid'), row(letters(size - 3))])),
  tables: size => message(...times(size, () => table([row('pid')]))),
};

function refused(candidate: Candidate): boolean {
  if ('message' in candidate) return refusalOfMessage(candidate.message) !== undefined;
  return isRefusal(parseView(candidate.modal, 'modal'));
}

describe('limits', () => {
  test.each(Object.keys(LIMITS) as LimitName[])('%s: taken at its limit, refused one beyond', name => {
    const { max } = LIMITS[name];
    expect(refused(SIZED[name](max))).toBe(false);
    expect(refused(SIZED[name](max + 1))).toBe(true);
  });
});

describe('block types', () => {
  const everyType = Object.keys(SURFACES);
  const legalError = (type: string, surface: 'message' | 'modal' | 'home') =>
    problemsOfBlocks([{ type }], surface).some(line => line.includes('is not allowed in a'));

  test.each(everyType)('%s is taken where it is legal and refused elsewhere', type => {
    const refusedOn = (['message', 'modal', 'home'] as const).filter(surface => legalError(type, surface));
    expect(refusedOn).toEqual((['message', 'modal', 'home'] as const).filter(each => !SURFACES[type]!.includes(each)));
  });

  test('a type that does not exist is refused', () => {
    expect(problemsOfBlocks([{ type: 'marquee' }], 'message')).toEqual([expect.stringContaining('unsupported type')]);
  });
});

describe('rules beyond numbers', () => {
  test.each<[string, Json[]]>([
    ['a section without text or fields', [{ type: 'section' }]],
    ['a text object of an unknown type', [{ type: 'section', text: { type: 'markdown', text: 'a' } }]],
    ['an empty text', [section('')]],
    ['emoji on mrkdwn', [{ type: 'section', text: { type: 'mrkdwn', text: 'a', emoji: true } }]],
    ['mrkdwn in a header', [{ type: 'header', text: { type: 'mrkdwn', text: 'a' } }]],
    ['a property that does not exist', [{ ...section('a'), colour: 'red' }]],
    ['an input in an actions block', [actions({ type: 'plain_text_input' })]],
    ['a button in a context', [{ type: 'context', elements: [button()] }]],
    ['an empty actions block', [actions()]],
    ['a repeated block_id', times(2, () => ({ type: 'divider', block_id: 'same' }))],
    ['an action_id repeated in a block', [actions(button({ action_id: 'go' }), button({ action_id: 'go' }))]],
    ['a data_table without a caption', [{ type: 'data_table', rows: [row('pid')] }]],
    ['a data_table with a ragged row', [table([row('pid', 'user'), row('1')])]],
    [
      'a rich_text header cell',
      [table([[{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [] }] }]])],
    ],
    ['a data_table beside a table', [table([row('pid')]), { type: 'table', rows: [row('pid')] }]],
    ['an unknown task status', [{ type: 'task_card', task_id: '1', title: 'dump', status: 'done' }]],
  ])('%s is refused', (_what, blocks) => {
    expect(refusalOfMessage({ text: 'twin', blocks })).toBeDefined();
  });

  test('one action_id may appear in two blocks', () => {
    const blocks = times(2, () => actions(button({ action_id: 'go' })));
    expect(refusalOfMessage({ text: 'twin', blocks })).toBeUndefined();
  });

  test('a message needs text or blocks', () => {
    expect(refusalOfMessage({})).toMatchObject({ error: 'no_text' });
  });

  test('a modal with an input needs a submit button', () => {
    const blocks = [{ type: 'input', label: plain('Reason'), element: { type: 'plain_text_input' } }];
    expect(refused(modal({ blocks }))).toBe(true);
    expect(refused(modal({ blocks, submit: plain('Deny') }))).toBe(false);
  });

  test('a job in progress is taken: a plan with tasks', () => {
    const tasks = (['pending', 'in_progress', 'complete', 'error'] as const).map((status, index) => ({
      type: 'task_card',
      task_id: String(index),
      title: 'users',
      status,
    }));
    expect(refusalOfMessage({ text: 'twin', blocks: [{ type: 'plan', title: 'Backup', tasks }] })).toBeUndefined();
  });
});
