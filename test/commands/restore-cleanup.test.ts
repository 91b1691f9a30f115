import { expect, test } from '@jest/globals';
import cleanup from '../../commands/restore-cleanup.ts';
import { parse } from '../../src/grammar.ts';

/** What is typed when the bot stopped while the database of this name was dropped. */
function toldToType(name: string): string {
  const plan = {
    action: 'A-1042',
    role: 'before' as const,
    name,
    oid: '16386',
    of: 'portal',
    at: '2026-11-22T18:00:00Z',
    bytes: null,
    statement: 'DROP DATABASE "it"',
  };
  const told = cleanup.mayHaveLeft?.(cleanup.planned.parse(plan), 'A-1043');
  return /`\/db ([^`]*)` drops it/.exec(told ?? '')?.[1] ?? '';
}

test('a plain name is told as it stands', () => {
  expect(toldToType('portal_before_20261122172000')).toBe('restore-cleanup portal_before_20261122172000');
});

test.each(['my portal', 'say "hi"', `it's "so"`, '--on', 'R&D <1>', 'naïve—one', '“quoted” name'])(
  'the name %s, typed as told, is the one that is meant',
  name => {
    // What a person types arrives with these three escaped.
    const sent = toldToType(name).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    expect(parse(sent, [cleanup])).toMatchObject({ args: { which: name }, on: undefined });
  },
);

test.each(['a`b', 'two\nlines', `"”'«»‘’`])('where nobody can type the name %j, the restore stands for it', name => {
  expect(toldToType(name)).toBe('restore-cleanup A-1042');
});
