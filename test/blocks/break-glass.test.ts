import { describe, expect, test } from '@jest/globals';
import { breakGlassAlarm, breakGlassForm, breakGlassLoading, breakGlassRefused } from '../../blocks/break-glass.ts';
import { isRefusal, parseView, refusalOfMessage } from '../workspace/validate/surfaces.ts';

const long = `<!channel> ${'x'.repeat(5_000)}`;

describe('the modal', () => {
  test.each([
    ['while it is not known who may', breakGlassLoading('A-1042')],
    ['for who may not', breakGlassRefused('A-1042', long)],
    ['for who may', breakGlassForm('A-1042', long, '{}', 10)],
    ['with a forged id', breakGlassForm(long, long, '{}', 10)],
  ])('is one that Slack takes, %s', (_when, view) => {
    const parsed = parseView(view, 'modal');
    expect(isRefusal(parsed)).toBe(false);
    expect(JSON.stringify(view.blocks)).not.toContain('"text":"<!channel>');
  });

  test('asks for the id and for a reason', () => {
    const inputs = breakGlassForm('A-1042', 'terminate backend 4711', '{}', 10).blocks.filter(
      block => block.type === 'input',
    );
    expect(inputs.map(input => input.block_id)).toEqual(['typed_id', 'reason']);
    expect(inputs[1]).toMatchObject({ element: { min_length: 10 } });
  });
});

test('what approvers read pings nobody, and Slack takes it', () => {
  const alarm = breakGlassAlarm({
    id: 'A-1042',
    by: 'UDORA',
    reason: `down\n<!here> ${long}`,
    typed: long,
    target: 'portal',
    summary: long,
    channel: 'CINCIDENT',
  });
  expect(refusalOfMessage(alarm)).toBeUndefined();
  expect(JSON.stringify(alarm)).not.toMatch(/<!here>|<!channel>/);
  expect(alarm.text).toContain('BREAK-GLASS: A-1042');
  expect(JSON.stringify(alarm.blocks)).toContain('`/db audit --action A-1042`');
});
