import type { State } from './state.ts';

/** A morning in the workspace: a status page, a plan that waits, a progress message, a private answer, an audit thread. */
const BASE = 1_795_000_000;
const at = (seconds: number) => `${BASE + seconds}.000100`;

export const INCIDENT = 'C0INCIDENT';
export const AUDIT = 'C0DBAUDIT';
export const APPROVAL_TS = at(120);

const bot = { user: 'U00000BOT', bot_id: 'B00000BOT' };
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const cell = (text: string) => ({ type: 'raw_text' as const, text });
const number = (value: number) => ({ type: 'raw_number' as const, value, text: value.toLocaleString('en-GB') });

export const SAMPLE: State = {
  team: 'Local workspace',
  app: { name: 'db' },
  people: [
    { id: 'U00000ADA', name: 'ada', realName: 'Ada Lindqvist' },
    { id: 'U00000BEN', name: 'ben', realName: 'Ben Okafor' },
    { id: 'U0000CLEO', name: 'cleo', realName: 'Cleo Marchetti' },
    { id: 'U0000DORA', name: 'dora', realName: 'Dora Petrov' },
    { id: 'U00000GIL', name: 'gil', realName: 'Gil Tanaka', badge: 'guest' },
    { id: 'U0MALLORY', name: 'mallory', realName: 'Mallory Voss', badge: 'other workspace' },
  ],
  channels: [
    { id: INCIDENT, name: 'incident' },
    { id: AUDIT, name: 'db-audit' },
    { id: 'D00000ADA', name: 'ada' },
  ],
  messages: [
    { ts: at(0), channel: INCIDENT, user: 'U00000ADA', text: 'Portal is slow, checkout times out. Looking.' },
    { ts: at(20), channel: INCIDENT, user: 'U00000ADA', text: '/db status' },
    {
      ts: at(21),
      channel: INCIDENT,
      ...bot,
      text: 'portal needs attention',
      blocks: [
        { type: 'header', block_id: 'h', text: plain(':large_yellow_circle: portal needs attention') },
        {
          type: 'rich_text',
          block_id: 'why',
          elements: [
            {
              type: 'rich_text_list',
              style: 'bullet',
              elements: [
                {
                  type: 'rich_text_section',
                  elements: [
                    { type: 'text', text: '1 session idle in transaction', style: { bold: true } },
                    { type: 'text', text: ' for 14 min (limit 5 min): pid ' },
                    { type: 'text', text: '4711', style: { code: true } },
                  ],
                },
                {
                  type: 'rich_text_section',
                  elements: [
                    { type: 'text', text: '3 sessions blocked', style: { bold: true } },
                    { type: 'text', text: ' by it, the longest for 6 min' },
                  ],
                },
              ],
            },
          ],
        },
        {
          type: 'section',
          block_id: 'f',
          fields: [
            mrkdwn('*Connections*\n`███████░░░░░░░░░░░░░` 34 of 100'),
            mrkdwn('*Server*\nPostgreSQL 15.8, primary, up 12 d'),
            mrkdwn('*Longest transaction*\n14 min, `portal-worker`'),
            mrkdwn('*Cache hit*\n99.2 %'),
          ],
        },
        {
          type: 'data_table',
          block_id: 't',
          caption: 'Connections by application',
          rows: [
            [cell('application'), cell('active'), cell('idle'), cell('idle in transaction')],
            [cell('portal-web'), number(6), number(18), number(0)],
            [cell('portal-worker'), number(2), number(5), number(1)],
            [cell('psql'), number(1), number(1), number(0)],
          ],
        },
        {
          type: 'context',
          block_id: 'c',
          elements: [
            mrkdwn(`Last backup <!date^${BASE - 7200}^{date_short_pretty} at {time}|2026-11-18 04:26>`),
            mrkdwn('target *portal*'),
          ],
        },
        {
          type: 'actions',
          block_id: 'a',
          elements: [
            { type: 'button', action_id: 'refresh', text: plain('Refresh'), value: 'portal' },
            { type: 'overflow', action_id: 'more', options: [{ text: plain('Show as text'), value: 'text' }] },
          ],
        },
      ],
    },
    { ts: at(90), channel: INCIDENT, user: 'U00000ADA', text: '/db kill 4711 --reason "holds the lock on users"' },
    {
      ts: APPROVAL_TS,
      channel: INCIDENT,
      ...bot,
      text: 'ada asks to terminate backend 4711 on portal',
      edited: { user: 'U00000BOT', ts: at(125) },
      blocks: [
        { type: 'header', block_id: 'h', text: plain('Terminate backend 4711 on portal?') },
        {
          type: 'section',
          block_id: 's',
          text: mrkdwn(
            '<@U00000ADA> asks, because _holds the lock on users_. It blocks *3 sessions*; its open transaction is rolled back.',
          ),
        },
        {
          type: 'rich_text',
          block_id: 'sql',
          elements: [
            {
              type: 'rich_text_preformatted',
              elements: [
                {
                  type: 'text',
                  text: "select pg_terminate_backend(pid)\n  from pg_stat_activity\n where pid = 4711\n   and backend_start = '2026-11-18 06:02:11.482193+00'",
                },
              ],
            },
          ],
        },
        {
          type: 'section',
          block_id: 'f',
          fields: [
            mrkdwn('*User*\nportal_app'),
            mrkdwn('*Client*\n10.0.3.17'),
            mrkdwn('*State*\nidle in transaction'),
            mrkdwn('*Since*\n14 min'),
          ],
        },
        {
          type: 'actions',
          block_id: 'decide',
          elements: [
            {
              type: 'button',
              action_id: 'approve',
              style: 'primary',
              text: plain('Approve'),
              value: 'A-1042',
              confirm: {
                title: plain('Terminate backend 4711?'),
                text: mrkdwn('Its transaction, open for *14 min*, is rolled back. This cannot be undone.'),
                confirm: plain('Terminate it'),
                deny: plain('Not now'),
                style: 'danger',
              },
            },
            { type: 'button', action_id: 'deny', style: 'danger', text: plain('Deny'), value: 'A-1042' },
          ],
        },
        { type: 'context', block_id: 'c', elements: [mrkdwn('A-1042 · expires in 15 min · needs one approver')] },
      ],
    },
    { ts: at(130), thread_ts: APPROVAL_TS, channel: INCIDENT, user: 'U0000CLEO', text: 'Is that the nightly import?' },
    { ts: at(135), thread_ts: APPROVAL_TS, channel: INCIDENT, user: 'U00000ADA', text: 'Yes, it hangs since `06:02`.' },
    { ts: at(140), thread_ts: APPROVAL_TS, channel: INCIDENT, user: 'U0000CLEO', text: 'Then go.' },
    {
      ts: at(150),
      channel: INCIDENT,
      ...bot,
      ephemeralFor: 'U00000ADA',
      text: 'You asked for this yourself: *someone else* has to approve it.',
    },
    {
      ts: at(160),
      channel: INCIDENT,
      ...bot,
      text: 'Backup of portal',
      blocks: [
        {
          type: 'plan',
          block_id: 'p',
          title: 'Backup of portal, 61 %',
          tasks: [
            { type: 'task_card', task_id: '1', title: 'Disk space checked', status: 'complete' },
            { type: 'task_card', task_id: '2', title: 'Dumping: 11 of 18 tables, 4.2 GB', status: 'in_progress' },
            { type: 'task_card', task_id: '3', title: 'Checksum', status: 'pending' },
          ],
        },
      ],
      files: [{ name: 'connections.csv', url_private: '/files/F1/connections.csv', size: 1842 }],
    },
    {
      ts: at(22),
      channel: AUDIT,
      ...bot,
      text: '*A-1041* `/db status` by <@U00000ADA> in <#C0INCIDENT> on *portal*: succeeded in 41 ms  `3f9a1c`',
    },
    {
      ts: at(121),
      channel: AUDIT,
      ...bot,
      text: '*A-1042* `/db kill 4711` by <@U00000ADA> in <#C0INCIDENT> on *portal*  `b01d77`',
    },
    {
      ts: at(122),
      thread_ts: at(121),
      channel: AUDIT,
      ...bot,
      text: 'waits for approval, expires <!date^1795001020^{time}|later>  `77e0aa`',
    },
    {
      ts: at(161),
      channel: AUDIT,
      ...bot,
      text: '*A-1043* `/db backup` by <!channel>  `0d41f2`',
    },
  ],
  modals: {},
  violations: [],
};

/** The same morning with a broken limit. */
export const VIOLATION = {
  what: 'chat.postMessage: section text has 3,412 characters, Slack takes 3,000 (invalid_blocks)',
  ts: at(161),
  channel: AUDIT,
  at: BASE * 1000,
};

/** The reason for a denial, as the bot asks for it. */
export const DENY_VIEW = {
  id: 'V1',
  type: 'modal',
  title: plain('Deny A-1042'),
  submit: plain('Deny'),
  close: plain('Back'),
  blocks: [
    { type: 'section', block_id: 's', text: mrkdwn('Terminating backend *4711* on *portal*, asked by <@U00000ADA>.') },
    {
      type: 'input',
      block_id: 'reason',
      label: plain('Why not?'),
      hint: plain('The requester and the audit channel see this.'),
      element: {
        type: 'plain_text_input',
        action_id: 'text',
        multiline: true,
        placeholder: plain('It is the nightly import…'),
      },
    },
    {
      type: 'input',
      block_id: 'tell',
      optional: true,
      label: plain('Tell'),
      element: {
        type: 'checkboxes',
        action_id: 'who',
        options: [
          { text: plain('the channel'), value: 'channel' },
          { text: plain('the requester only'), value: 'requester' },
        ],
      },
    },
  ],
};
