import { afterAll, expect, test } from '@jest/globals';
import { openOffice } from '../stories/office.ts';

const opening = openOffice();
afterAll(async () => (await opening).close());

test('a command is acknowledged before anything is asked of Slack', async () => {
  const { ada, slack } = await opening;
  const unanswered = slack.faults.on('*', { hang: true });
  const { acknowledgement } = await ada.types('/db help');
  expect(acknowledgement).toEqual({});
  unanswered.remove();
});
