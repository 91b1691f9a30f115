import { expect, test } from '@jest/globals';
import { mayNotEnd } from '../../blocks/refusal.ts';

test('whose role a privilege is granted to is said, and what else may hide a session', () => {
  expect(mayNotEnd('hidden', 'pid 4711')).toBe(
    'pid 4711 may not be ended by the bot: what it does is hidden; `GRANT pg_monitor` to the bot’s role; if that has it, track_activities is off for the session',
  );
  expect(mayNotEnd('no-privilege')).toContain('`GRANT pg_signal_backend` to the bot’s role');
});
