import { expect, test } from '@jest/globals';
import { type RecordedAction, recordView } from '../../blocks/record.ts';
import { verificationView } from '../../blocks/verification.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const long = `<!channel> ${'x'.repeat(5_000)}`;
const action = (changes: Partial<RecordedAction> = {}): RecordedAction => ({
  id: 'A-1042',
  requester: 'UADA',
  requesterName: 'ada',
  typed: 'kill 4711',
  target: 'portal',
  state: 'succeeded',
  outcome: 'Backend 4711 is gone.',
  askedAt: Date.UTC(2026, 10, 22, 9, 30),
  decisions: [],
  brokeGlass: false,
  ...changes,
});

test('what one person ran alone stands apart, above everything else', () => {
  const alone = action({
    id: 'A-1007',
    brokeGlass: true,
    decisions: [{ kind: 'broke_glass', by: 'UDORA', name: 'dora' }],
  });
  const view = recordView({ actions: [action()], brokeGlass: [alone], older: undefined, filter: '' });
  const shown = JSON.stringify(view.blocks);
  expect(shown).toMatch(/Break-glass: run by one person alone.*A-1007.*broke glass by dora.*"divider".*A-1042/);
  expect(JSON.stringify(recordView({ actions: [action()], brokeGlass: [], older: undefined, filter: '' }))).not.toMatch(
    /Break-glass/,
  );
});

test('a full page of the longest lines is a message that Slack takes, and pings nobody', () => {
  const longest = action({
    requesterName: long,
    typed: long,
    target: long,
    outcome: long,
    decisions: Array.from({ length: 9 }, () => ({ kind: 'approved', by: 'UBEN', name: long })),
    brokeGlass: true,
  });
  const page = Array.from({ length: 20 }, () => longest);
  const view = recordView({ actions: page, brokeGlass: page.slice(0, 5), older: 'A-1043 A-1042', filter: long });
  expect(refusalOfMessage({ text: view.text, blocks: [...view.blocks] })).toBeUndefined();
  expect(JSON.stringify(view)).not.toContain('<!channel>');
});

test('a record that differs names the first difference, says what to do next, and how much was looked at', () => {
  const differences = Array.from({ length: 20 }, (_, index) => ({
    how: 'event changed',
    says: `Event #${index + 4} was changed. ${long}`,
  }));
  const facts = { events: 1_000, actions: 400, head: undefined, checkpoint: undefined, channel: undefined };
  const view = verificationView({ ...facts, differences, found: 1_234 });
  const shown = JSON.stringify(view.blocks);
  expect(shown).toMatch(/differs in 1,234 places.*\*First:\* \*event changed\*: Event #4 .*and 1,224 more.*\*Next:\*/);
  expect(refusalOfMessage({ text: view.text, blocks: [...view.blocks] })).toBeUndefined();
  expect(shown).not.toContain('<!channel>');
  expect(JSON.stringify(verificationView({ ...facts, differences: [], found: 0 }))).not.toContain('*Next:*');
});
