import { type PageFinding, type PageLine, page } from './page.ts';
import { type Column, table } from './table.ts';
import { code, count, cut, escapeMrkdwn, number } from './text.ts';
import type { View } from './view.ts';

/** What the page shows. Values that can hold secrets are masked already. */
export interface SettingsFacts {
  readonly target: string;
  readonly actionId: string;
  readonly pattern: string | undefined;
  readonly findings: readonly PageFinding[];
  readonly settings: readonly SettingRow[];
  /** Settings that the bot sets for its own sessions. */
  readonly own: readonly string[];
}

interface SettingRow {
  readonly name: string;
  readonly value: string;
  readonly standard: string;
  readonly from: string;
  readonly pendingRestart: boolean;
  readonly description: string;
}

const columns: readonly Column[] = [{ title: 'Setting' }, { title: 'Value' }, { title: 'Default' }, { title: 'From' }];
const most = { rows: 10, described: 3 };

/** The columns and all rows, for the table and its file. */
export function settingsTable({ settings }: Pick<SettingsFacts, 'settings'>) {
  const rows = settings.map(({ name, value, standard, from, pendingRestart }) => [
    name,
    `${value === '' ? "''" : value}${pendingRestart ? ' (restart pending)' : ''}`,
    standard === '' ? "''" : standard,
    from,
  ]);
  return { columns, rows };
}

/** What is known to be bad, then what differs from the defaults or matches the pattern. */
export function settingsView(facts: SettingsFacts): View {
  const { settings, pattern, own } = facts;
  const { rows } = settingsTable(facts);
  const caption = pattern === undefined ? 'Settings that differ from their default' : `Settings like ${pattern}`;
  return page({
    subject: pattern === undefined ? 'Settings' : `Settings like ${pattern}`,
    target: facts.target,
    actionId: facts.actionId,
    findings: facts.findings,
    lines: pattern === undefined ? [['Changed', count(settings.length, 'setting')]] : described(settings),
    table: rows.length > 0 ? table(columns, rows, { caption, top: most.rows }) : undefined,
    notes: own.length > 0 ? [ownWords(own)] : [],
  });
}

function described(settings: readonly SettingRow[]): PageLine[] {
  if (settings.length > most.described) return [['Found', number(settings.length)]];
  return settings
    .filter(({ description }, index) => settings.findIndex(one => one.description === description) === index)
    .map(({ name, description }) => [name, cut(escapeMrkdwn(description), 200)]);
}

function ownWords(own: readonly string[]): string {
  return `The bot sets these for its own sessions and does not see the server's value: ${cut(own.map(name => code(name)).join(', '), 600)}`;
}
