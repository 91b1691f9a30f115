import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { examples } from '../src/config/examples.ts';
import { type Config, ConfigError, readConfig } from '../src/config.ts';
import { thresholdsSchema } from '../src/target-settings.ts';

const known = {
  routineCommands: ['backup', 'analyze'],
  destructiveCommands: ['kill'],
  defaultChecks: [{ name: 'orphans', title: 'Orphans', sql: 'select 1', show: [], advice: undefined }],
};
const minimal = {
  SLACK_BOT_TOKEN: 'xoxb-1-secret',
  SLACK_APP_TOKEN: 'xapp-1-secret',
  DATABASE_URL: 'postgresql://bot:hunter2@db.example:5433/portal?connection_limit=5',
  AUDIT_CHANNEL: 'C0AUDIT',
  APPROVERS: 'U0BEN,S0DBA',
};

type Variables = Record<string, string | undefined>;

function read(variables: Variables, yaml?: string): Config {
  const file = yaml === undefined ? {} : { CONFIG_FILE: 'bot.yml' };
  return readConfig({ ...minimal, ...file, ...variables }, () => yaml ?? '', known);
}

function problems(variables: Variables, yaml?: string): readonly string[] {
  try {
    read(variables, yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** A file with one target that is right, and these lines added to it. */
function oneTarget(...lines: string[]): string {
  return ['targets:', '  - name: portal', ...lines.map(line => `    ${line}`)].join('\n');
}

describe('the environment alone', () => {
  test('five variables are enough', () => {
    expect(read({})).toMatchObject({
      slack: { botToken: 'xoxb-1-secret', transport: { kind: 'socket', appToken: 'xapp-1-secret' }, apiUrl: undefined },
      auditChannel: 'C0AUDIT',
      store: { engine: 'sqlite', file: 'state/pg-chatops.db' },
      logLevel: 'info',
      defaultTarget: 'portal',
      approvalMinutes: 15,
      auditMaxAgeMinutes: 10,
      shutdownSeconds: 20,
      maxWaiting: 5,
      warnings: [],
    });
  });

  test('DATABASE_URL makes one target, named after its database', () => {
    const [target, ...others] = read({}).targets;
    expect(others).toEqual([]);
    expect(target).toMatchObject({
      name: 'portal',
      connection: { host: 'db.example', port: 5433, database: 'portal' },
      emergency: undefined,
      approvers: ['U0BEN', 'S0DBA'],
      operators: undefined,
      channels: undefined,
      approvalChannel: undefined,
      approvalFor: [],
      approvals: { default: 1 },
      approversFromOtherGroups: false,
      breakGlass: false,
      viewers: undefined,
      thresholds: thresholdsSchema.parse({}),
      checks: known.defaultChecks,
      allowOtherDatabases: false,
      redactQueries: true,
      pgBin: undefined,
      backupDir: 'backups',
    });
    expect(read({ DATABASE_URL: 'postgresql://bot@db.example/my%20shop' }).targets[0]?.name).toBe('my-shop');
  });

  test('the optional variables are used', () => {
    const config = read({
      SLACK_API_URL: 'http://127.0.0.1:4000/api',
      STORE_URL: 'sqlite:/var/lib/bot.db',
      BACKUP_DIR: '/var/backups',
      PG_BIN: '/opt/pg/bin',
      LOG_LEVEL: 'debug',
    });
    expect(config).toMatchObject({ slack: { apiUrl: 'http://127.0.0.1:4000/api/' }, logLevel: 'debug' });
    expect(config).toMatchObject({ store: { engine: 'sqlite', file: '/var/lib/bot.db' } });
    expect(config.targets[0]).toMatchObject({ backupDir: '/var/backups', pgBin: '/opt/pg/bin' });
  });

  test.each(['postgresql', 'postgres'])('the store may be in PostgreSQL: %s://', scheme => {
    const url = `${scheme}://chatops_store:hunter2@db.example:5433/chatops?sslmode=verify-full`;
    expect(read({ STORE_URL: url }).store).toEqual({ engine: 'postgres', url });
  });

  test('HTTP instead of Socket Mode', () => {
    const http = { SLACK_APP_TOKEN: undefined, SLACK_SIGNING_SECRET: 'signed', PORT: '3000' };
    expect(read(http).slack.transport).toEqual({ kind: 'http', signingSecret: 'signed', port: 3000 });
    expect(problems({ ...http, PORT: undefined })).toEqual([expect.stringMatching(/^PORT is missing.*PORT=3000/)]);
    expect(problems({ ...http, PORT: '70000' })).toEqual([expect.stringMatching(/^PORT must be 65535 or less/)]);
    expect(problems({ ...http, PORT: 'http' })).toEqual([expect.stringMatching(/^PORT must be a port number/)]);
    expect(problems({ ...http, SLACK_SIGNING_SECRET: undefined })).toEqual([
      expect.stringMatching(/^SLACK_APP_TOKEN is missing; .*PORT alone/),
    ]);
  });

  test('without approvers the bot starts, and warns that nobody may approve', () => {
    for (const APPROVERS of [undefined, '', ' , ']) {
      const config = read({ APPROVERS });
      expect(config.targets[0]?.approvers).toEqual([]);
      expect(config.warnings).toEqual([expect.stringMatching(/portal has no approvers.*refused.*APPROVERS/)]);
    }
  });

  test('with nothing set, everything that is missing is told at once, each with an example', () => {
    const nothing = Object.fromEntries(Object.keys(minimal).map(name => [name, undefined]));
    const told = problems(nothing);
    expect(new Set(told.map(line => line.split(' ')[0]))).toEqual(
      new Set(['AUDIT_CHANNEL', 'DATABASE_URL', 'SLACK_APP_TOKEN', 'SLACK_BOT_TOKEN']),
    );
    for (const line of told) expect(line).toMatch(/is missing.* Example: [A-Z_]+=/);
    expect(() => read(nothing)).toThrow(/4 settings need your attention/);
  });

  test('a variable that is set to blanks is not set', () => {
    expect(problems({ AUDIT_CHANNEL: '  ' })).toEqual([expect.stringMatching(/^AUDIT_CHANNEL is missing/)]);
  });

  test.each([
    ['SLACK_BOT_TOKEN', 'xoxp-1-secret', /bot token, which begins with xoxb-/],
    ['SLACK_APP_TOKEN', 'xoxb-1-secret', /app-level token, which begins with xapp-/],
    ['AUDIT_CHANNEL', '#db-audit', /channel's id.*not its name.*id is at the end of "About"/],
    ['AUDIT_CHANNEL', 'U0ADA', /begins with C or G/],
    ['APPROVERS', 'U0BEN,@cleo', /entry 2, must be the id of a person/],
    ['APPROVERS', 'C0INCIDENT', /entry 1, must be the id of a person/],
    ['SLACK_API_URL', 'http://slack.example/api/', /https/],
    ['SLACK_API_URL', 'slack', /https/],
    ['STORE_URL', 'postgresql://bot:hunter2@db:port/store', /host or port cannot be read/],
    ['STORE_URL', 'state.db', /must begin with sqlite:/],
    ['STORE_URL', 'sqlite:', /must name a file/],
    ['STORE_URL', 'sqlite::memory:', /must name a file/],
    ['AUDIT_KEY', 'hunter2', /32 characters or more/],
    ['LOG_LEVEL', 'loud', /fatal, error, warn, info, debug, trace or silent/],
    ['DATABASE_URL', 'mysql://bot:hunter2@db/portal', /postgresql:/],
    ['DATABASE_URL', 'postgresql://bot:hunter2@db.example', /database is missing/],
  ])('%s=%s is refused', (name, value, why) => {
    const told = problems({ [name]: value });
    expect(told).toEqual([expect.stringMatching(why)]);
    expect(told[0]).toMatch(new RegExp(`^${name}`));
  });

  test('an unknown variable is nobody’s business', () => {
    expect(problems({ SLACK_BOT_TOKENS: 'x', HOME: '/root' })).toEqual([]);
  });
});

describe('the file', () => {
  test('forgetting the record needs a key where there is no file to keep one beside', () => {
    const yaml = 'audit_retention_days: 400';
    const postgres = { STORE_URL: 'postgresql://bot@db/store' };
    expect(read({}, yaml)).toMatchObject({ auditRetentionDays: 400, auditKey: undefined });
    expect(problems(postgres, yaml)).toEqual([expect.stringMatching(/^AUDIT_KEY is missing: .*PostgreSQL/)]);
    const AUDIT_KEY = 'f0'.repeat(32);
    expect(read({ ...postgres, AUDIT_KEY }, yaml)).toMatchObject({ auditRetentionDays: 400, auditKey: AUDIT_KEY });
    expect(read({ ...postgres }).auditRetentionDays).toBeUndefined();
  });

  test('several targets, each with its own settings', () => {
    const config = read(
      {
        REPORTS_URL: 'postgresql://bot:hunter2@reports.example/reports',
        APPLICATION_URL: 'postgresql://app:hunter3@reports.example/reports?connection_limit=7&pool_timeout=20',
        APPROVERS: 'U0BEN',
      },
      `
default_target: reports
approval_minutes: 30
audit_max_age_minutes: 5
shutdown_seconds: 60
max_waiting: 3
targets:
  - name: portal
    database_url: postgresql://bot:hunter2@db.example/portal
    emergency_url: postgresql://walsender:hunter2@db.example/portal
    replicas_url_env: [DATABASE_URL]
  - name: reports
    database_url_env: REPORTS_URL
    application_url_env: APPLICATION_URL
    approvers: [S0DBA]
    operators: [U0DORA, S0OPS]
    viewers: [S0STAFF, C0INCIDENT]
    break_glass: true
    approvers_from_other_groups: true
    channels: [C0INCIDENT]
    approval_channel: C0APPROVALS
    approval_for: [backup]
    approvals: 2
    thresholds:
      connections_percent: {attention: 50, critical: 60}
    allow_other_databases: true
    redact_queries: false
    checks:
      - {name: late, title: Late orders, sql: select 1, show: [id]}
    pg_bin: /opt/pg/bin
    backup_dir: /backups/reports
`,
    );
    const [portal, reports] = config.targets;
    expect(reports!.application).toEqual({ connectionLimit: 7, poolTimeout: 20, pgbouncer: false });
    expect(portal!.application).toBeUndefined();
    expect(inspect(config, { depth: null, showHidden: true })).not.toContain('hunter3');
    expect(config).toMatchObject({
      defaultTarget: 'reports',
      approvalMinutes: 30,
      auditMaxAgeMinutes: 5,
      shutdownSeconds: 60,
      maxWaiting: 3,
    });
    expect(portal).toMatchObject({
      name: 'portal',
      approvers: ['U0BEN'],
      approvals: { default: 1 },
      emergency: { user: 'walsender' },
      replicas: [{ host: 'db.example' }],
    });
    expect(reports).toMatchObject({
      connection: { host: 'reports.example' },
      approvers: ['S0DBA'],
      operators: ['U0DORA', 'S0OPS'],
      viewers: ['S0STAFF', 'C0INCIDENT'],
      breakGlass: true,
      approversFromOtherGroups: true,
      channels: ['C0INCIDENT'],
      approvalChannel: 'C0APPROVALS',
      approvalFor: ['backup'],
      approvals: { default: 2 },
      allowOtherDatabases: true,
      redactQueries: false,
      checks: [{ name: 'late', title: 'Late orders', sql: 'select 1', show: ['id'] }],
      pgBin: '/opt/pg/bin',
      backupDir: '/backups/reports',
    });
    const { connectionsPercent, ...others } = thresholdsSchema.parse({});
    expect(connectionsPercent).not.toEqual({ attention: 50, critical: 60 });
    expect(reports?.thresholds).toEqual({ ...others, connectionsPercent: { attention: 50, critical: 60 } });
  });

  test('the only target may leave its URL to DATABASE_URL', () => {
    expect(read({}, oneTarget('approvals: 1')).targets[0]?.connection.host).toBe('db.example');
    expect(problems({ DATABASE_URL: undefined }, oneTarget())).toEqual([
      expect.stringMatching(/^DATABASE_URL is missing/),
    ]);
  });

  test('one of several targets may not', () => {
    const two = `${oneTarget()}\n  - {name: reports, database_url_env: DATABASE_URL}`;
    expect(problems({}, two)).toEqual([
      expect.stringMatching(/targets\[0\]\.database_url_env is missing: each of several/),
    ]);
  });

  test('a file without targets leaves them to DATABASE_URL', () => {
    expect(read({}, 'approval_minutes: 5')).toMatchObject({ approvalMinutes: 5, targets: [{ name: 'portal' }] });
    expect(read({}, '')).toMatchObject({ approvalMinutes: 15, targets: [{ name: 'portal' }] });
    expect(problems({}, 'default_target: reports')).toEqual([expect.stringMatching(/default_target must be "portal"/)]);
  });

  test('a target that asks for more approvals than it has approvers is warned about; a group may be large enough', () => {
    expect(read({}, oneTarget('approvers: [U0BEN]', 'approvals: 2')).warnings).toEqual([
      expect.stringMatching(/asks for 2 approvals/),
    ]);
    expect(read({}, oneTarget('approvers: [S0DBA]', 'approvals: 2')).warnings).toEqual([]);
  });

  test('a number of approvals for each command, and for the others', () => {
    const approvals = (line: string) => read({}, oneTarget('approvers: [S0DBA]', line)).targets[0]?.approvals;
    expect(approvals('approvals: {kill: 2}')).toEqual({ default: 1, kill: 2 });
    expect(approvals('approvals: {default: 3, backup: 1}')).toEqual({ default: 3, backup: 1 });
  });

  test('an empty list of approvers in the file is not filled from APPROVERS', () => {
    expect(read({}, oneTarget('approvers: []')).targets[0]?.approvers).toEqual([]);
  });

  test.each([
    ['aprovals: 2', /targets\[0\] has an unknown key "aprovals"; did you mean "approvals"\?/],
    ['wholly_unknown: 2', /unknown key "wholly_unknown"/],
    ['approvals: many', /targets\[0\].approvals must be a number\. Example: approvals: 1/],
    ['approvals: 0', /approvals must be 1 or more/],
    ['approvals: 1.5', /approvals must be a whole number/],
    ['approvals: {default: 0}', /approvals.default must be 1 or more/],
    ['approvals: {kil: 2}', /approvals lists "kil"; did you mean "kill"\?/],
    ['approvals: {kill: many}', /approvals.kill must be a number/],
    ['break_glass: true', /break_glass needs "operators"/],
    ['{break_glass: true, operators: []}', /break_glass needs "operators"/],
    ['operators: ["#ops"]', /operators\[0\] must be the id of a person .*channel/],
    ['approvers: [C0INCIDENT]', /approvers\[0\] must be the id of a person/],
    ['approvers: [ben]', /approvers\[0\] must be the id of a person/],
    ['channels: ["#incident"]', /channels\[0\] must be a channel's id/],
    ['approval_channel: "#incident"', /approval_channel must be a channel's id/],
    ['approval_for: [bakup]', /approval_for lists "bakup"; did you mean "backup"\?/],
    ['approval_for: [zzzzzzzz]', /no routine command; the routine commands are backup, analyze/],
    [
      'database_url_env: postgresql://bot:hunter2@db/x',
      /name of an environment variable, in upper case, not its value/,
    ],
    ['database_url_env: NOT_THERE', /targets\[0\].database_url_env names NOT_THERE, which is not set/],
    ['{database_url: postgresql://b@h/d, database_url_env: DATABASE_URL}', /database_url is given twice/],
    ['{emergency_url: postgresql://b@h/d, emergency_url_env: DATABASE_URL}', /emergency_url is given twice/],
    ['emergency_url: mysql://bot:hunter2@db/x', /targets\[0\].emergency_url cannot be used/],
    ['emergency_url_env: NOT_THERE', /emergency_url_env names NOT_THERE/],
    ['thresholds: {conections_percent: {attention: 1, critical: 2}}', /did you mean "connections_percent"/],
    ['thresholds: {query_seconds: {attention: 1, critcal: 2}}', /unknown key "critcal"; did you mean "critical"/],
    ['thresholds: {query_seconds: {attention: 9, critical: 2}}', /attention before critical; query_seconds/],
    ['thresholds: {cache_hit_percent: {attention: 80, critical: 95}}', /attention before critical; cache_hit_percent/],
    ['checks: [{name: A B, title: x, sql: select 1}]', /checks\[0\].name a check is named in lower case/],
    ['checks: [{name: a, title: x, sql: s}, {name: a, title: y, sql: s}]', /two checks named "a"/],
    ['backups: {schedule: every night}', /targets\[0\].backups.schedule must be cron text of five fields/],
    ['backups: {schedule: 0 2 30 2 *}', /backups.schedule names a time that never comes/],
    [
      'backups: {time_zone: Europe/Berln}',
      /backups.time_zone must be the name of a time zone.*Example: time_zone: Eur/,
    ],
    ['redact_queries: maybe', /redact_queries must be true or false/],
  ])('a target with %s is refused', (line, why) => {
    const yaml = line.startsWith('{') ? `targets: [{name: portal, ${line.slice(1, -1)}}]` : oneTarget(line);
    expect(problems({}, yaml)).toContainEqual(expect.stringMatching(why));
  });

  test.each([
    ['aproval_minutes: 5', /bot.yml: has an unknown key "aproval_minutes"; did you mean "approval_minutes"\?/],
    ['approval_minutes: 0', /approval_minutes must be 1 or more/],
    ['schedules: []', /schedules is not supported by this version/],
    ['hooks: {}', /hooks is not supported by this version/],
    ['targets: portal', /targets must be a list/],
    ['targets: [portal]', /targets\[0\] must be a group of keys and values/],
    ['targets: [{approvals: 1}]', /targets\[0\].name is missing/],
    ['targets: [{name: "a b"}]', /targets\[0\].name must be 1 to 40 letters/],
    ['{default_target: x, targets: [{name: portal}]}', /default_target must be the name of a target: portal/],
    ['targets: [{name: a, database_url: u}, {name: a, database_url: u}]', /two targets named "a"/],
    ['- a list', /bot.yml: must be a group of keys and values/],
    ['a: 1\na: 2', /^bot.yml:2:1 is not right YAML \(duplicate key\)/],
    ['a: *nowhere', /bot.yml has an alias/],
  ])('%j is refused', (yaml, why) => {
    expect(problems({}, yaml)).toContainEqual(expect.stringMatching(why));
  });

  test('a file that cannot be read is one problem among the others', () => {
    const missing = () => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    };
    const variables = { ...minimal, DATABASE_URL: undefined, SLACK_BOT_TOKEN: undefined, CONFIG_FILE: 'bot.yml' };
    expect(() => readConfig(variables, missing, known)).toThrow(/SLACK_BOT_TOKEN is missing[\s\S]*CONFIG_FILE.*ENOENT/);
  });

  test('problems of the environment, of every target and between targets are told together', () => {
    const yaml = `
aproval_minutes: 5
targets:
  - {name: portal, database_url: mysql://x, approvals: 0, cheks: []}
  - {name: reports, database_url: mysql://x}
  - {name: reports, database_url_env: NOT_THERE, aprovers: []}
  - {name: reports, database_url_env: DATABASE_URL}
  - {name: reports, database_url_env: DATABASE_URL}
`;
    const told = problems({ SLACK_BOT_TOKEN: undefined, LOG_LEVEL: 'loud' }, yaml).join('\n');
    for (const part of [
      'SLACK_BOT_TOKEN',
      'LOG_LEVEL',
      '"aproval_minutes"',
      'targets[0].approvals',
      'targets[0].database_url cannot',
      '"cheks"',
      'targets[1].database_url',
      '"aprovers"',
      'NOT_THERE',
      'two targets named "reports"',
    ]) {
      expect(told).toContain(part);
    }
  });
});

describe('secrets', () => {
  test.each([
    [{ SLACK_BOT_TOKEN: 'hunter2' }, undefined],
    [{ SLACK_APP_TOKEN: 'hunter2' }, undefined],
    [{ AUDIT_CHANNEL: 'hunter2', APPROVERS: 'hunter2' }, undefined],
    [{ DATABASE_URL: 'postgresql://bot:hunter2@db' }, undefined],
    [{ DATABASE_URL: 'postgresql://bot:hun#ter2@db/hunter2' }, undefined],
    [{ STORE_URL: 'postgresql://bot:hunter2@db:port/store' }, undefined],
    [{ SLACK_API_URL: 'http://bot:hunter2@example.com' }, undefined],
    [{ PORT: 'hunter2', SLACK_APP_TOKEN: undefined, SLACK_SIGNING_SECRET: 'hunter2' }, undefined],
    [{}, oneTarget('database_url: "mysql://bot:hunter2@db/x"')],
    [{}, oneTarget('database_url_env: postgresql://bot:hunter2@db/x')],
    [{}, oneTarget('postgresql://bot:hunter2@db/x: 1')],
    [{}, oneTarget('approval_for: [postgresql://bot:hunter2@db/x]')],
    [{}, oneTarget('approvers: [hunter2]', 'approvals: hunter2')],
    [{}, oneTarget('database_url: !hunter2 x')],
    [{}, oneTarget('database_url: "hunter2')],
    [{}, oneTarget('database_url: *hunter2')],
  ])('%j is refused without repeating a value (%#)', (variables, yaml) => {
    const told = problems(variables, yaml);
    expect(told).not.toEqual([]);
    expect(told.join('\n')).not.toMatch(/hunter2|ter2/);
  });
});

test('each setting of the file has an example, and the examples are right', () => {
  const { name, database_url, emergency_url, targets: _list, default_target, ...rest } = examples;
  const ofTarget = ['approvers', 'operators', 'channels', 'approval_channel', 'approval_for', 'approvals', 'thresholds']
    .concat([
      'approvers_from_other_groups',
      'break_glass',
      'viewers',
      'allow_other_databases',
      'redact_queries',
      'checks',
      'pg_bin',
      'backup_dir',
    ])
    .map(key => `${key}: ${rest[key]}`);
  const ofFile = ['approval_minutes', 'audit_max_age_minutes', 'shutdown_seconds', 'max_waiting'].map(
    key => `${key}: ${rest[key]}`,
  );
  const yaml = [...ofFile, `default_target: ${default_target}`, 'targets:', `  - name: ${name}`]
    .concat(
      [`database_url: ${database_url}`, `emergency_url: ${emergency_url}`, ...ofTarget].map(line => `    ${line}`),
    )
    .join('\n');
  expect(problems({}, yaml)).toEqual([]);
});

describe('backups by themselves', () => {
  const nightly = { cron: '0 2 * * *', timeZone: 'UTC', verify: true };
  const scheduled = (variables: Record<string, string>, yaml?: string) => read(variables, yaml).targets[0]?.schedule;

  test('none where nobody configured backups', () => {
    expect(scheduled({})).toBeUndefined();
    expect(scheduled({}, oneTarget('approvals: 1'))).toBeUndefined();
  });

  test('at 02:00 UTC where backups are configured, in the environment or in the file', () => {
    expect(scheduled({ BACKUP_DIR: '/var/backups' })).toEqual(nightly);
    expect(scheduled({}, oneTarget('backup_dir: /var/backups'))).toEqual(nightly);
    expect(scheduled({}, oneTarget('backups: {verify: false}'))).toEqual({ ...nightly, verify: false });
  });

  test('BACKUP_SCHEDULE says when, or never', () => {
    expect(scheduled({ BACKUP_SCHEDULE: '30 3 * * 1-5' })).toEqual({ ...nightly, cron: '30 3 * * 1-5' });
    expect(scheduled({ BACKUP_DIR: '/var/backups', BACKUP_SCHEDULE: 'off' })).toBeUndefined();
    expect(problems({ BACKUP_SCHEDULE: 'at night' }).join()).toMatch(/BACKUP_SCHEDULE must be cron text.*Example: /);
  });

  test('the file says it for its target, whatever the environment says', () => {
    const env = { BACKUP_DIR: '/var/backups', BACKUP_SCHEDULE: '30 3 * * *' };
    const berlin = 'backups: {schedule: "0 4 * * *", time_zone: Europe/Berlin}';
    expect(scheduled(env, oneTarget(berlin))).toEqual({ ...nightly, cron: '0 4 * * *', timeZone: 'Europe/Berlin' });
    expect(scheduled(env, oneTarget('backups: {schedule: false}'))).toBeUndefined();
    expect(scheduled(env, oneTarget('backups: {verify: false}'))?.cron).toBe('30 3 * * *');
  });
});

describe('safekeeping', () => {
  const recipient = 'age1kq45mtmpdn4g3zgqcspnmy9lgavse3tkz8llq0287u20wkly4f7s298krn';
  const inBackups = (...lines: string[]) => oneTarget('backups:', ...lines.map(line => `  ${line}`));
  const backups = (...lines: string[]) => read({}, inBackups(...lines)).targets[0]?.backups;

  test('takes public keys of age, the path of the private one, and a remote of rclone', () => {
    const lines = [`age_recipients: [${recipient}]`, 'age_identity_file: /etc/age.txt', 'offsite: "off site:a/b c/"'];
    expect(backups(...lines, 'offsite_bandwidth: "08:00,1M 19:00,off"')).toMatchObject({
      ageRecipients: [recipient],
      ageIdentityFile: '/etc/age.txt',
      offsite: 'off site:a/b c',
      offsiteBandwidth: '08:00,1M 19:00,off',
      offsiteHours: 12,
    });
  });

  test.each([
    [`age_recipients: [${recipient.replace('kq45', 'kq54')}]`, /mistyped or of another kind/],
    [`age_recipients: [${recipient.replace('8krn', '8krm')}]`, /mistyped or of another kind/],
    ['age_recipients: [AGE-SECRET-KEY-1HUNTER2]', /holds a private key/],
    ['age_identity_file: AGE-SECRET-KEY-1HUNTER2', /path of a file/],
    ['offsite: ":s3,secret_access_key=HUNTER2:bucket"', /rclone’s configuration names/],
    ['offsite: "s3,secret_access_key=HUNTER2:bucket"', /rclone’s configuration names/],
    ['offsite: "/HUNTER2"', /rclone’s configuration names/],
    ['offsite_bandwidth: HUNTER2', /bytes a second/],
  ])('%j is refused at start without being repeated', (line, words) => {
    const told = problems({}, inBackups(line)).join('\n');
    expect(told).toMatch(words);
    expect(told).not.toContain('HUNTER2');
  });
});

describe('HEALTH_PORT', () => {
  test('is off unless set, and then listens on this machine alone unless HEALTH_HOST says otherwise', () => {
    expect(read({}).health).toBeUndefined();
    expect(read({ HEALTH_PORT: '9187' }).health).toEqual({ port: 9187, host: '127.0.0.1' });
    expect(read({ HEALTH_PORT: '9187', HEALTH_HOST: '0.0.0.0' }).health?.host).toBe('0.0.0.0');
  });

  test.each(['0', '70000', 'http'])('%s is no port', value => {
    expect(problems({ HEALTH_PORT: value }).join()).toContain('HEALTH_PORT');
  });
});
