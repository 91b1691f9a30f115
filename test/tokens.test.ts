import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { tokenize } from '../src/tokens.ts';

const words = (line: string) => tokenize(line).map(token => token.text);

describe('what clients and Slack do to text is undone', () => {
  test.each([
    ['straight quotes', '--reason "it is stuck"', ['--reason', 'it is stuck']],
    ['curly quotes of a phone', '--reason “it is stuck”', ['--reason', 'it is stuck']],
    ['a curly quote closed by a straight one', '--reason “it is stuck"', ['--reason', 'it is stuck']],
    ['a straight quote closed by a curly one', '--reason "it is stuck”', ['--reason', 'it is stuck']],
    ['German quotes', '--reason „es hängt“ --cancel', ['--reason', 'es hängt', '--cancel']],
    ['Polish quotes', '--reason „wisi” --cancel', ['--reason', 'wisi', '--cancel']],
    ['French quotes', '--reason «ça bloque» --cancel', ['--reason', 'ça bloque', '--cancel']],
    ['single quotes', "--reason 'it is stuck' 1", ['--reason', 'it is stuck', '1']],
    ['curly single quotes', '--reason ‘it is stuck’ 1', ['--reason', 'it is stuck', '1']],
    ['a long dash for two', '4711 —cancel', ['4711', '--cancel']],
    ['a shorter long dash for two', '4711 –cancel', ['4711', '--cancel']],
    ['non-breaking spaces', 'kill\u00a04711\u202f--cancel', ['kill', '4711', '--cancel']],
    ['line breaks', 'kill\n4711\r\n', ['kill', '4711']],
    ['entities', 'a&amp;b &lt;c&gt;', ['a&b', '<c>']],
    ['an entity that was typed', '&amp;lt;', ['&lt;']],
    ['a person', 'ask <@U123|ada>', ['ask', 'U123']],
    ['a person without a name', 'ask <@U123>', ['ask', 'U123']],
    ['a channel', 'in <#C1|incident>', ['in', 'C1']],
    ['a broadcast, which becomes a plain word', '<!channel> <!subteam^S1|@dba>', ['channel', 'subteam^S1']],
    ['an auto-linked host', '--on <http://db.example.com|db.example.com>', ['--on', 'db.example.com']],
    ['an auto-linked url', '<https://example.com/a?b=1&amp;c=2>', ['https://example.com/a?b=1&c=2']],
    ['an auto-linked address', '<mailto:ada@example.com|ada@example.com>', ['ada@example.com']],
    ['a link in quotes', '"see <http://x.example|x.example>"', ['see x.example']],
  ])('%s', (_, line, expected) => {
    expect(words(line)).toEqual(expected);
  });
});

describe('quotes', () => {
  test('an unclosed one reaches to the end', () => {
    expect(words('--reason "it is  stuck --cancel')).toEqual(['--reason', 'it is  stuck --cancel']);
  });

  test.each(["don't", 'don’t', "l'état", '5’'])('an apostrophe inside %s is part of the word', word => {
    expect(words(`a ${word} b`)).toEqual(['a', word, 'b']);
  });

  test('an apostrophe within double quotes is part of the text', () => {
    expect(words('--reason "it’s ada\'s" 1')).toEqual(['--reason', "it’s ada's", '1']);
  });

  test('what begins with dashes in quotes is a value, and keeps its dash', () => {
    expect(tokenize('"--cancel" “—cancel”')).toEqual([
      { text: '--cancel', quoted: true },
      { text: '—cancel', quoted: true },
    ]);
  });

  test('a flag with a quoted value is still a flag', () => {
    expect(tokenize('--reason="it is stuck"')).toEqual([{ text: '--reason=it is stuck', quoted: false }]);
  });

  test('empty ones are an empty word', () => {
    expect(tokenize('a ""')).toEqual([
      { text: 'a', quoted: false },
      { text: '', quoted: true },
    ]);
  });

  test('a long dash alone stays what it is', () => {
    expect(words('stuck — again')).toEqual(['stuck', '—', 'again']);
  });
});

test('nothing typed is no word', () => {
  expect(tokenize('')).toEqual([]);
  expect(tokenize(' \u00a0\n')).toEqual([]);
});

test('plain words in any number of spaces come out as they went in', () => {
  const word = fc.stringMatching(/^[a-z0-9_.,=@-]{1,12}$/);
  fc.assert(
    fc.property(fc.array(word), fc.stringMatching(/^[ \t\u00a0]{1,4}$/), (all, space) => {
      expect(words(all.join(space))).toEqual(all);
    }),
  );
});

test('whatever is put in double quotes comes out as one word', () => {
  const inner = fc.string().filter(text => !/["“”„<>&]/.test(text));
  fc.assert(
    fc.property(inner, text => {
      expect(tokenize(`"${text}"`)).toEqual([{ text, quoted: true }]);
    }),
  );
});

test.each(['<@', '<@a|', '<#C|', '<http:', '<mailto:x|', '"', '“', "'", '&amp', '&amp;', '—a', ' —'])(
  '200,000 characters of %s take no more than an instant',
  piece => {
    // In time that grows with the square of the length this would take some 20 s.
    const line = piece.repeat(200_000 / piece.length);
    const began = performance.now();
    tokenize(line);
    expect(performance.now() - began).toBeLessThan(2_000);
  },
);
