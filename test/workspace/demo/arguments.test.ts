import { describe, expect, test } from '@jest/globals';
import { Misuse, readArguments } from './arguments.ts';

describe("the demo's command line", () => {
  test('is a story: who acts changes where --as stands, and a decision is ben’s unless somebody was named', () => {
    const { steps } = readArguments([
      '/db kill {idle} --reason "blocks the deploy"',
      'approve',
      '--as',
      'cleo',
      'deny',
      'not now',
      '@db status',
      'click',
      'Refresh',
      'wait',
    ]);
    expect(steps).toEqual([
      { is: 'type', by: 'ada', text: '/db kill {idle} --reason "blocks the deploy"' },
      { is: 'approve', by: 'ben' },
      { is: 'deny', by: 'cleo', reason: 'not now' },
      { is: 'type', by: 'cleo', text: '@db status' },
      { is: 'click', by: 'cleo', label: 'Refresh' },
      { is: 'wait', by: 'cleo' },
    ]);
  });

  test('without steps keeps the page open at the usual port', () => {
    expect(readArguments([])).toEqual({
      steps: [],
      help: false,
      keep: false,
      verbose: false,
      small: false,
      port: undefined,
    });
    expect(readArguments(['--port', '9000', '--keep']).port).toBe(9_000);
  });

  test.each([
    [['status'], /“status”/],
    [['--colour'], /“--colour”/],
    [['--as', 'zorro'], /nobody named “zorro”; there are ada/],
    [['--as'], /a name/],
    [['deny'], /a reason/],
    [['deny', ' '], /a reason/],
    [['click'], /label/],
    [['--port', '80x'], /no port/],
    [['--port', '65536'], /no port/],
    [['@dbx status'], /“@dbx status”/],
  ])('says what is wrong with %j', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(Misuse);
    expect(() => readArguments(argv)).toThrow(message);
  });
});
