import { describe, expect, test } from '@jest/globals';
import type { AnyBlock, KnownBlock } from '@slack/types';
import fc from 'fast-check';
import type { RenderContext } from './context.ts';
import { blocksToHtml, textToHtml } from './html.ts';
import { viewToHtml } from './view.ts';

const context: RenderContext = {
  people: [{ id: 'U1', name: 'ada' }],
  channels: [{ id: 'C1', name: 'incident' }],
  timeZone: 'Europe/Paris',
  now: new Date('2026-11-18T12:00:00Z'),
};
const html = (...blocks: KnownBlock[]) => blocksToHtml(blocks, context);
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn' as const, text });

/** Every tag of some HTML; text that became a tag by accident is among them. */
const tagsOf = (text: string) => text.match(/<[^>]*>?/g) ?? [];
const KNOWN_TAG =
  /^<\/?(?:div|p|span|strong|em|s|u|code|pre|blockquote|ul|ol|li|a|br|hr|h2|h3|h4|table|thead|tbody|tr|th|td|caption|time|small|button|select|option|optgroup|input|textarea|label|fieldset|legend|details|summary|figure|figcaption|img|header|footer)(?: (?:(?!on|style|srcdoc)[a-z-]+="[^"<>]*"|hidden|multiple|checked|selected|open|data-close))*>$/;
/** A quote inside a value is escaped, so this finds real attributes only. */
const FORBIDDEN = / (?:href|src)="(?!https?:|mailto:|\/(?![/\\]))/i;

function expectHarmless(text: string): void {
  for (const tag of tagsOf(text)) {
    expect(tag).toMatch(KNOWN_TAG);
    expect(tag).not.toMatch(FORBIDDEN);
  }
}

describe('mrkdwn', () => {
  const cases: [string, string, string][] = [
    ['bold', 'a *b* c', '<p>a <strong>b</strong> c</p>'],
    ['italic', '_b_', '<p><em>b</em></p>'],
    ['strike', '~b~', '<p><s>b</s></p>'],
    ['bold and italic together', '*_b_*', '<p><strong><em>b</em></strong></p>'],
    ['code keeps its marks', '`*b*`', '<p><code>*b*</code></p>'],
    ['marks inside words stay', '2*3*4 snake_case_name', '<p>2*3*4 snake_case_name</p>'],
    ['a mark before a space opens nothing', '* b *', '<p>* b *</p>'],
    ['a fence', 'a\n```\nselect *a*\n```\nb', '<p>a</p><pre>select *a*</pre><p>b</p>'],
    ['an unclosed fence stays text', 'a ```b', '<p>a </p><p>```b</p>'],
    ['a quote, raw and escaped', '> a\n&gt; b\nc', '<blockquote>a<br>b</blockquote><p>c</p>'],
    ['escapes', '1 &lt; 2 &amp;&amp; 3 &gt; 2', '<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>'],
    ['a person', '<@U1>', '<p><span class="mention">@ada</span></p>'],
    ['an unknown person', '<@U9>', '<p><span class="mention">@U9</span></p>'],
    ['a channel', '<#C1>', '<p><span class="mention">#incident</span></p>'],
    ['a user group', '<!subteam^S1|@dbas>', '<p><span class="mention">@dbas</span></p>'],
    ['an emoji', ':warning: :no_such:', '<p>⚠️ :no_such:</p>'],
    ['a date', '<!date^1795003200^{date_num} {time}|x>', '<p><time>2026-11-18 13:00</time></p>'],
  ];
  test.each(cases)('%s', (_, source, expected) => {
    expect(textToHtml(source, context)).toBe(expected);
  });

  test('a link keeps its marks to itself and opens elsewhere', () => {
    expect(textToHtml('*see* <https://a.test/*b*?x=1&amp;y=2|the *docs*>', context)).toBe(
      '<p><strong>see</strong> <a href="https://a.test/*b*?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">the *docs*</a></p>',
    );
  });

  test.each(['<!channel>', '<!here>', '`<!everyone>`', '```<!channel>```'])('the ping in %s is loud', source => {
    expect(textToHtml(source, context)).toMatch(/<span class="ping"[^>]*>@(channel|here|everyone)</);
  });

  test('an escaped ping is text', () => {
    expect(textToHtml('&lt;!channel&gt;', context)).toBe('<p>&lt;!channel&gt;</p>');
  });

  test('a ping in plain_text and in a rich_text text element is text', () => {
    const section = html({ type: 'section', text: plain('<!channel>') });
    const rich = html({
      type: 'rich_text',
      elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: '<!channel>' }] }],
    });
    for (const shown of [section, rich]) {
      expect(shown).not.toContain('ping');
      expect(shown).toContain('&lt;!channel&gt;');
    }
  });
});

describe('blocks', () => {
  test('a header, a divider and context', () => {
    const shown = html(
      { type: 'header', text: plain('Healthy') },
      { type: 'divider' },
      { type: 'context', elements: [mrkdwn('*a*')] },
    );
    expect(shown).toContain('<h3>Healthy</h3>');
    expect(shown).toContain('<hr>');
    expect(shown).toContain('<div class="block context"><span><p><strong>a</strong></p></span></div>');
  });

  test('a section with text, fields and an accessory', () => {
    const shown = html({
      type: 'section',
      text: mrkdwn('text'),
      fields: [mrkdwn('one'), plain('two')],
      accessory: { type: 'overflow', action_id: 'more', options: [{ text: plain('Show'), value: 'show' }] },
    });
    expect(shown).toContain('<div class="field"><p>one</p></div><div class="field">two</div>');
    expect(shown).toContain('data-selected="show">Show</button>');
  });

  test('a button says what it is, what it asks first, and how it looks', () => {
    const confirm = { title: plain('Sure?'), text: plain('"really"'), confirm: plain('Yes'), deny: plain('No') };
    const shown = html({
      type: 'actions',
      block_id: 'decide',
      elements: [
        { type: 'button', action_id: 'approve', text: plain('Approve'), value: 'A-1', style: 'primary', confirm },
      ],
    });
    expect(shown).toContain('class="button primary" data-block-id="decide" data-action-id="approve"');
    expect(shown).toContain('data-value="A-1"');
    expect(shown).toContain('&quot;title&quot;:{');
  });

  test('a select lists options, groups and the chosen one; a people select lists people', () => {
    const option = { text: plain('portal'), value: 'p' };
    const shown = html({
      type: 'actions',
      elements: [
        {
          type: 'static_select',
          action_id: 'a',
          initial_option: option,
          option_groups: [{ label: plain('live'), options: [option] }],
        },
        { type: 'users_select', action_id: 'b', initial_user: 'U1' },
      ],
    });
    expect(shown).toContain('<optgroup label="live"><option value="p" selected>portal</option></optgroup>');
    expect(shown).toContain('<option value="U1" selected>ada</option>');
  });

  test('radio buttons of the same message do not push each other out when shown twice', () => {
    const block: KnownBlock = {
      type: 'actions',
      block_id: 'b',
      elements: [{ type: 'radio_buttons', action_id: 'a', options: [{ text: plain('x'), value: 'x' }] }],
    };
    expect(blocksToHtml([block], { ...context, scope: 'left' })).toContain('name="left/b/a"');
  });

  test('rich_text: every kind of element and paragraph', () => {
    const shown = html({
      type: 'rich_text',
      elements: [
        {
          type: 'rich_text_section',
          elements: [
            { type: 'text', text: 'a', style: { bold: true, italic: true } },
            { type: 'link', url: 'https://a.test/', text: 'docs' },
            { type: 'user', user_id: 'U1' },
            { type: 'channel', channel_id: 'C1' },
            { type: 'usergroup', usergroup_id: 'S1' },
            { type: 'broadcast', range: 'here' },
            { type: 'emoji', name: 'x' },
            { type: 'color', value: '#fff' },
            { type: 'date', timestamp: 1_795_003_200, format: '{time}', fallback: 'x' },
          ],
        },
        {
          type: 'rich_text_list',
          style: 'ordered',
          indent: 1,
          elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'one' }] }],
        },
        { type: 'rich_text_quote', elements: [{ type: 'text', text: 'said' }] },
        { type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'a\n b' }] },
      ],
    });
    for (const part of [
      '<strong><em>a</em></strong>',
      '>docs</a>',
      '@ada',
      '#incident',
      '@S1',
      '@here',
      '❌',
      '<code>#fff</code>',
      '<time>13:00</time>',
      '<ol class="indent-1"><li>one</li></ol>',
      '<blockquote>said</blockquote>',
      '<pre>a\n b</pre>',
    ])
      expect(shown).toContain(part);
  });

  test('a data_table has its caption, its header, and numbers to the right', () => {
    const shown = html({
      type: 'data_table',
      caption: 'Sizes',
      row_header_column_index: 0,
      rows: [
        [
          { type: 'raw_text', text: 'relation' },
          { type: 'raw_text', text: 'rows' },
        ],
        [
          { type: 'raw_text', text: 'users' },
          { type: 'raw_number', value: 1200, text: '1,200' },
        ],
      ],
    });
    expect(shown).toContain('<caption>Sizes</caption>');
    expect(shown).toContain('<th scope="row" class="left">users</th><td class="right">1,200</td>');
  });

  test('a table aligns as its settings say', () => {
    const cell = {
      type: 'rich_text' as const,
      elements: [{ type: 'rich_text_section' as const, elements: [{ type: 'text' as const, text: 'x' }] }],
    };
    const shown = html({ type: 'table', rows: [[cell], [cell]], column_settings: [{ align: 'center' }] });
    expect(shown).toContain('<td class="center">x</td>');
  });

  test('an input has label, hint, limits and room for an error', () => {
    const shown = html({
      type: 'input',
      block_id: 'why',
      label: plain('Why?'),
      hint: plain('All see it'),
      optional: true,
      element: { type: 'plain_text_input', action_id: 'text', multiline: true, max_length: 300, initial_value: 'old' },
    });
    expect(shown).toContain('Why? <span class="optional">(optional)</span>');
    expect(shown).toMatch(/<textarea rows="4" maxlength="300"[^>]*data-action-id="text"[^>]*>old<\/textarea>/);
    expect(shown).toContain('<p class="field-error" hidden></p>');
  });

  test('a plan shows how far each task is', () => {
    const shown = html({
      type: 'plan',
      title: 'Backup',
      tasks: [
        { type: 'task_card', task_id: '1', title: 'Dump', status: 'complete' },
        { type: 'task_card', task_id: '2', title: 'Checksum', status: 'error' },
      ],
    });
    expect(shown).toMatch(/data-status="complete".*✓.*Dump.*data-status="error".*✗.*Checksum/);
  });

  test('markdown: heading, list, code, table', () => {
    const shown = html({
      type: 'markdown',
      text: '# Title\n\n- **one**\n- `two`\n\n```sql\nselect 1\n```\n\n|a|b|\n|-|-|\n|1|2|',
    });
    for (const part of [
      '<h4>Title</h4>',
      '<li><strong>one</strong></li><li><code>two</code></li>',
      '<pre>select 1</pre>',
      '<th>a</th><th>b</th>',
      '<td>1</td><td>2</td>',
    ])
      expect(shown).toContain(part);
  });

  test('alert, card, container, image and video', () => {
    const shown = html(
      { type: 'alert', text: plain('careful'), level: 'warning' },
      { type: 'card', title: mrkdwn('*card*'), body: mrkdwn('body') },
      {
        type: 'container',
        title: plain('box'),
        is_collapsible: true,
        child_blocks: [{ type: 'section', text: plain('inside') }],
      },
      { type: 'image', alt_text: 'a chart', image_url: 'https://a.test/x.png' },
      {
        type: 'video',
        title: plain('clip'),
        alt_text: 'clip',
        video_url: 'https://a.test/v',
        thumbnail_url: 'https://a.test/t',
      },
    );
    for (const part of [
      'data-level="warning"',
      '<strong>card</strong>',
      '<details open>',
      'inside',
      'alt="a chart"',
      '▶ clip',
    ])
      expect(shown).toContain(part);
  });

  test('a block of a wrong shape is shown as broken, and its neighbours are not', () => {
    const shown = blocksToHtml(
      [{ type: 'section', fields: 7 } as AnyBlock, { type: 'hologram' }, { type: 'divider' }],
      context,
    );
    expect(shown.match(/unrenderable/g)).toHaveLength(2);
    expect(shown).toContain('<hr>');
  });
});

test('a modal has its title, its blocks and its buttons', () => {
  const shown = viewToHtml(
    {
      type: 'modal',
      title: plain('Deny'),
      submit: plain('Deny it'),
      close: plain('Back'),
      blocks: [{ type: 'divider' }],
    },
    context,
  );
  expect(shown).toContain('<h2>Deny</h2>');
  expect(shown).toContain('>Back</button>');
  expect(shown).toContain('<button type="submit" class="button primary">Deny it</button>');
});

describe('hostile text', () => {
  const HOSTILE = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '<javascript:alert(1)|click>',
    '<https://a.test/"onclick="alert(1)|x>',
    '[x](javascript:alert(1))',
    '<//evil.test|x>',
    '</textarea><script>alert(1)</script>',
    '<!date^1^{time}^javascript:alert(1)|x>',
    '<@"><svg/onload=alert(1)>',
  ];

  /** A message with this text in every place that takes one. */
  const everywhere = (text: string): AnyBlock[] =>
    [
      { type: 'header', text: plain(text) },
      {
        type: 'section',
        block_id: text,
        text: mrkdwn(text),
        fields: [plain(text)],
        accessory: { type: 'button', action_id: text, text: plain(text), value: text, url: text },
      },
      { type: 'context', elements: [{ type: 'image', alt_text: text, image_url: text }, mrkdwn(`*${text}*`)] },
      { type: 'markdown', text },
      { type: 'data_table', caption: text, rows: [[{ type: 'raw_text', text }]] },
      {
        type: 'rich_text',
        elements: [
          {
            type: 'rich_text_section',
            elements: [
              { type: 'text', text },
              { type: 'link', url: text, text },
              { type: 'emoji', name: text },
              { type: 'user', user_id: text },
              { type: text },
            ],
          },
          { type: 'rich_text_list', style: text, indent: text, elements: [] },
        ],
      },
      {
        type: 'input',
        label: plain(text),
        element: { type: 'plain_text_input', action_id: text, multiline: true, initial_value: text, max_length: text },
      },
      {
        type: 'actions',
        elements: [
          { type: 'static_select', placeholder: plain(text), options: [{ text: plain(text), value: text }] },
          { type: text },
        ],
      },
      {
        type: 'plan',
        title: text,
        tasks: [{ type: 'task_card', title: text, status: text, sources: [{ url: text, text }] }],
      },
      { type: 'alert', level: text, text: plain(text) },
      { type: text },
    ] as AnyBlock[];

  test.each(HOSTILE)('%s stays text wherever it stands', text => {
    const shown = blocksToHtml(everywhere(text), context);
    expect(shown.length).toBeGreaterThan(1000);
    expectHarmless(shown);
    expectHarmless(textToHtml(text, context));
  });

  test('any text at all stays text', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      '|',
      '*',
      '_',
      '~',
      '`',
      '```',
      '!',
      '@',
      '^',
      'javascript:',
      ' onx=',
      'a',
      '\n',
    );
    const hostile = fc.array(pieces, { maxLength: 24 }).map(parts => parts.join(''));
    fc.assert(
      fc.property(hostile, text => expectHarmless(blocksToHtml(everywhere(text), context))),
      { numRuns: 300 },
    );
  });

  test('a block of any shape is survived', () => {
    const types = fc.constantFrom(
      'section',
      'actions',
      'rich_text',
      'data_table',
      'plan',
      'input',
      'container',
      'card',
      'image',
    );
    const block = fc.tuple(
      types,
      fc.dictionary(fc.constantFrom('text', 'elements', 'rows', 'fields', 'element', 'label', 'tasks'), fc.jsonValue()),
    );
    fc.assert(
      fc.property(block, ([type, rest]) => expectHarmless(blocksToHtml([{ ...rest, type } as AnyBlock], context))),
      { numRuns: 300 },
    );
  });
});
