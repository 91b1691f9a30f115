import { globSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { z } from 'zod';

const text = readFileSync('manifest.yml', 'utf8');
const manifest = z
  .object({
    features: z.object({
      slash_commands: z.array(z.object({ command: z.string(), should_escape: z.boolean() })),
      bot_user: z.object({ display_name: z.string() }),
      app_home: z.object({ messages_tab_enabled: z.boolean(), messages_tab_read_only_enabled: z.boolean() }),
    }),
    oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
    settings: z.object({
      event_subscriptions: z.object({ bot_events: z.array(z.string()) }),
      interactivity: z.object({ is_enabled: z.boolean() }),
      socket_mode_enabled: z.boolean(),
      org_deploy_enabled: z.boolean(),
      token_rotation_enabled: z.boolean(),
    }),
  })
  .parse(parse(text));
const scopes = manifest.oauth_config.scopes.bot;

/**
 * Scopes that a Web API method needs for what the bot does with it: each method's page under
 * https://docs.slack.dev/reference/methods.
 */
const scopesOfMethods: Readonly<Record<string, readonly string[]>> = {
  'auth.test': [],
  'apps.connections.open': [],
  'views.open': [],
  'views.update': [],
  'views.push': [],
  'views.publish': [],
  'chat.postMessage': ['chat:write', 'chat:write.public'],
  'chat.postEphemeral': ['chat:write'],
  'chat.update': ['chat:write'],
  'chat.delete': ['chat:write'],
  'chat.getPermalink': [],
  'users.info': ['users:read'],
  'usergroups.users.list': ['usergroups:read'],
  'conversations.info': ['channels:read', 'groups:read', 'im:read', 'mpim:read'],
  'conversations.open': ['im:write'],
  'conversations.history': ['channels:history', 'groups:history', 'metadata.message:read'],
  'conversations.replies': ['channels:history', 'groups:history', 'metadata.message:read'],
  'files.getUploadURLExternal': ['files:write'],
  'files.completeUploadExternal': ['files:write'],
};

/** Scopes that an event needs: https://docs.slack.dev/reference/events */
const scopesOfEvents: Readonly<Record<string, string>> = {
  app_mention: 'app_mentions:read',
  'message.im': 'im:history',
};

/** The Web API methods that the sources call, whether as `client.chat.postMessage(` or by name. */
function calledMethods(): string[] {
  const families = 'apps|auth|chat|conversations|files|reactions|team|usergroups|users|views|pins|bookmarks';
  const call = new RegExp(
    String.raw`\b(?:client|slack|web)\w*\.((?:${families})(?:\.\w+)+)\(|apiCall\(\s*'([\w.]+)'`,
    'gi',
  );
  const files = globSync('src/**/*.ts').map(file => readFileSync(file, 'utf8'));
  return [...new Set(files.flatMap(file => [...file.matchAll(call)].map(match => match[1] ?? match[2] ?? '')))];
}

test('the app has /db, with people and channels as ids', () => {
  expect(manifest.features.slash_commands).toEqual([expect.objectContaining({ command: '/db', should_escape: true })]);
});

test('the app can be mentioned and written to, and its buttons work over Socket Mode', () => {
  expect(manifest.features.bot_user.display_name).toBe('db');
  expect(manifest.features.app_home).toMatchObject({
    messages_tab_enabled: true,
    messages_tab_read_only_enabled: false,
  });
  expect(manifest.settings).toMatchObject({
    interactivity: { is_enabled: true },
    socket_mode_enabled: true,
    org_deploy_enabled: false,
    token_rotation_enabled: false,
  });
  expect(scopes).toContain('commands');
});

test('each event the app subscribes to has its scope', () => {
  const events = manifest.settings.event_subscriptions.bot_events;
  expect(events.toSorted()).toEqual(Object.keys(scopesOfEvents).toSorted());
  for (const event of events) expect(scopes).toContain(scopesOfEvents[event]);
});

test('the app has the scopes of each Web API method, and the sources call no method without a line above', () => {
  for (const [method, needed] of Object.entries(scopesOfMethods)) {
    expect({ method, lacking: needed.filter(scope => !scopes.includes(scope)) }).toEqual({ method, lacking: [] });
  }
  expect(calledMethods().filter(method => !(method in scopesOfMethods))).toEqual([]);
});

test('no scope is asked for that no method and no event needs', () => {
  const known = new Set([...Object.values(scopesOfMethods).flat(), ...Object.values(scopesOfEvents), 'commands']);
  expect(scopes.filter(scope => !known.has(scope))).toEqual([]);
  expect(new Set(scopes).size).toBe(scopes.length);
});

/** Slack's own schema is not ours to ship: a variable names it, or it lies in a folder beside this one. */
const schemaFile = process.env.SLACK_MANIFEST_SCHEMA ?? globSync('../*/slack-manifest.schema.json')[0];

if (schemaFile === undefined) {
  console.log('manifest.yml is not compared with Slack’s schema: SLACK_MANIFEST_SCHEMA does not name one');
} else {
  test("Slack's own schema accepts the manifest, and would refuse a wrong one", () => {
    const validate = slackSchema(schemaFile);
    validate(parse(text));
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...parse(text), displayed_information: {} })).toBe(false);
  });
}

function slackSchema(file: string) {
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  return ajv.compile(z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8'))));
}
