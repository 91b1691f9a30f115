import { expect, test } from '@jest/globals';
import { copyResult } from '../../blocks/restore-copy.ts';
import { unescapeMrkdwn } from '../../blocks/text.ts';
import { refusalOfMessage } from '../workspace/validate/surfaces.ts';

const facts = {
  backup: '20261122T171500Z-A-1040',
  takenAt: new Date('2026-11-22T17:15:00Z'),
  tables: 12,
  rows: 1_804_222,
  heap: 'nothing wrong',
  restoreMilliseconds: 14_200,
};

/** What the view shows in a fixed width, where nothing is markup. */
function shownExactly(name: string): string[] {
  return copyResult(name, facts).blocks.flatMap(block =>
    block.type === 'rich_text'
      ? block.elements.flatMap(({ elements }) =>
          elements.flatMap(element => ('text' in element && typeof element.text === 'string' ? [element.text] : [])),
        )
      : [],
  );
}

test.each([
  ['portal_check', 'DROP DATABASE "portal_check";'],
  ['a`b', 'DROP DATABASE "a`b";'],
  ['a"b', 'DROP DATABASE "a""b";'],
  ['two\nlines', 'DROP DATABASE "two\nlines";'],
  ['<!channel> & `c`', 'DROP DATABASE "<!channel> & `c`";'],
])('the statement that drops the copy %j names just this database', (name, statement) => {
  expect(shownExactly(name)).toEqual([statement]);
  const { text, blocks } = copyResult(name, facts);
  expect(refusalOfMessage({ text, blocks: [...blocks] })).toBeUndefined();
  expect(text).not.toContain('<!channel>');
  expect(unescapeMrkdwn(text)).toContain(`\n${statement}\n`);
});
