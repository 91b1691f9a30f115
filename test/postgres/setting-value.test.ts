import { describe, expect, test } from '@jest/globals';
import { settingValue, shownValue } from '../../src/postgres/setting-value.ts';

describe('a value', () => {
  test.each([
    ['16384', '8kB', '128MB'],
    ['4096', 'kB', '4MB'],
    ['1', '8kB', '8kB'],
    ['3', 'MB', '3MB'],
    ['1048576', 'kB', '1GB'],
    ['16777216', 'B', '16MB'],
    ['300', 's', '5min'],
    ['1440', 'min', '1d'],
    ['200', 'ms', '200ms'],
    ['0.5', 'ms', '0.5ms'],
    ['-1', 'kB', '-1'],
    ['0', 'ms', '0'],
    ['100', null, '100'],
    ['on', null, 'on'],
    ['7', 'parsecs', '7'],
    ['much', 'kB', 'much'],
  ])('%s in %s is %s', (value, unit, words) => {
    expect(settingValue(value, unit)).toBe(words);
  });

  test.each(['primary_conninfo', 'archive_command', 'ssl_passphrase_command', 'app.api_key', 'x.password', 'y.Token'])(
    'of %s is not shown',
    name => {
      expect(shownValue(name, 'hunter2', null)).toBe('(set, not shown)');
      expect(shownValue(name, '', null)).toBe('');
    },
  );

  test('of ssl_key_file and the like is a path, and is shown', () => {
    expect(shownValue('ssl_key_file', 'server.key', null)).toBe('server.key');
  });
});
