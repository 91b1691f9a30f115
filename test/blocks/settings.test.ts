import { expect, test } from '@jest/globals';
import { type SettingsFacts, settingsView } from '../../blocks/settings.ts';

const memory = {
  name: 'work_mem',
  value: '64MB',
  standard: '4MB',
  from: 'postgresql.conf:12',
  pendingRestart: false,
  description: 'Sets the maximum memory to be used for query workspaces.',
};
const facts: SettingsFacts = {
  target: 'portal',
  actionId: 'A-1042',
  pattern: undefined,
  findings: [],
  settings: [memory, { ...memory, name: 'max_connections', value: '', pendingRestart: true }],
  own: ['statement_timeout'],
};

test('what was changed, what it was, and where', () => {
  expect(settingsView(facts).text).toMatchInlineSnapshot(`
"🟢 Settings on portal: all well
Changed: 2 settings
Settings that differ from their default
Setting          Value                 Default  From
work_mem         64MB                      4MB  postgresql.conf:12
max_connections  '' (restart pending)      4MB  postgresql.conf:12
The bot sets these for its own sessions and does not see the server's value: \`statement_timeout\`"
`);
});

test('a few that match a pattern come with what they are for', () => {
  const { text } = settingsView({ ...facts, pattern: 'work <mem>', settings: [memory], own: [] });
  expect(text).toContain(
    'work_mem: Sets the maximum memory to be used for query workspaces.\nSettings like work &lt;mem&gt;',
  );
  expect(text).toMatch(/^🟢 Settings like work &lt;mem&gt; on portal: all well\n/);
  expect(text).not.toContain('own sessions');
});

test('many that match are counted', () => {
  const settings = Array.from({ length: 30 }, (_, index) => ({ ...memory, name: `setting_${index}` }));
  const { text } = settingsView({ ...facts, pattern: 'setting', settings });
  expect(text).toContain('Found: 30\nSettings like setting: 10 of 30');
});
