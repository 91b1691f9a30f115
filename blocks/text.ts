import prettyBytes from 'pretty-bytes';

/*
 * Values as text. The blocks that carry them (section, fields, context, header, preformatted, button) are in parts.ts.
 */

/** Named by PostgreSQL, typed by a person: nothing of it may act as markup. */
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Marks that would turn around the order of all that follows them on a line. https://www.unicode.org/reports/tr9/ */
const turning = /[\u202a-\u202e\u2066-\u2069]/g;

/** One character as a reader sees it: an entity that `escapeMrkdwn` wrote, a token such as `dateToken`'s, or a code point. */
const characters = /&(?:amp|lt|gt);|<![^<>]*>|./gsu;

/**
 * Makes a value from the database or a person harmless in mrkdwn: `<!channel>` pings nobody, `<@U1>` names nobody.
 * Escape first, `cut` afterwards. https://docs.slack.dev/messaging/formatting-message-text#escaping
 */
export function escapeMrkdwn(value: string): string {
  return value.replace(turning, '').replace(/[&<>]/g, character => entities[character]!);
}

/** The text as it was before `escapeMrkdwn`, for places that parse nothing. */
export function unescapeMrkdwn(mrkdwn: string): string {
  return mrkdwn.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/**
 * Shortens a text, escaped or not, to at most `max` UTF-16 units, the strictest way to count. No code point,
 * entity or token is split; what was left out shows as `…`.
 */
export function cut(value: string, max: number): string {
  if (value.length <= max) return value;
  let kept = '';
  for (const [character] of value.matchAll(characters)) {
    if (kept.length + character.length > max - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** As `cut`, and no word is split either, unless it takes more than half of the room. */
export function cutAtWord(value: string, max: number): string {
  const short = cut(value, max);
  if (short === value) return value;
  const kept = short.slice(0, -1);
  const end = /^\s/.test(value.slice(kept.length)) ? kept.length : kept.lastIndexOf(' ');
  return end > max / 2 ? `${kept.slice(0, end).trimEnd()}…` : short;
}

/**
 * A value as inline code: escaped, on one line, without the backticks that would end the code early. It may then read
 * otherwise: what people shall run is a `statement`.
 */
export function code(value: string, max = 200): string {
  const line = oneLine(value).replaceAll('`', "'");
  return `\`${cut(escapeMrkdwn(line === '' ? '(empty)' : line), max)}\``;
}

/** Characters of a statement that is shown: the longest names that PostgreSQL has, each character of them escaped. */
const longestStatement = 1_000;

/**
 * A statement to be run as it stands: inline, or fenced where a backtick or a run of spaces would be lost inline. Where a
 * reader would not see what is there, and copy the name of something else, it is left out, and that is said.
 */
export function statement(sql: string): string {
  const shown = escapeMrkdwn(sql);
  if (unescapeMrkdwn(shown) !== sql || sql.includes('```') || shown.length > longestStatement) {
    return `${code(sql.split(' ', 2).join(' '))} (a name in it has characters that Slack does not show: take it from psql)`;
  }
  return oneLine(sql) === sql && !sql.includes('`') ? `\`${shown}\`` : `\`\`\`${shown}\`\`\``;
}

/** A value on one line: each run of white space, line breaks included, becomes a space. */
export function oneLine(value: string): string {
  return value.replace(turning, '').replace(/\s+/gu, ' ').trim();
}

/** `1.3 GB`: decimal, as disks and clouds count. */
export function bytes(value: number): string {
  return prettyBytes(value);
}

/** `1,004` */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 session`, `1,004 sessions`, `2 queries`. */
export function count(value: number, noun: string, plural = `${noun}s`): string {
  return `${number(value)} ${value === 1 ? noun : plural}`;
}

/** `97.3 %`; one decimal at most. A share close to a whole never rounds up to it: 99.99 is `99.9 %`, not `100 %`. */
export function percent(value: number): string {
  return `${number(Math.trunc(value * 10) / 10)} %`;
}

/**
 * A length of time in its two largest units: `12 ms`, `4.2 s`, `4 min 12 s`, `3 h 4 min`, `12 d 3 h`.
 * @param seconds negative ones (two clocks that disagree) count as none.
 */
export function duration(seconds: number): string {
  const positive = Math.max(0, seconds);
  if (positive === 0) return '0 s';
  if (positive < 0.9995) return `${Math.max(1, Math.round(positive * 1000))} ms`;
  if (positive < 9.95) return `${Number(positive.toFixed(1))} s`;
  const whole = Math.round(positive);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return inTwo(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return inTwo(whole, 3_600, 'h', 60, 'min');
  return inTwo(whole, 86_400, 'd', 3_600, 'h');
}

/** A moment in the reader's own time zone; clients that cannot do so show it in UTC. */
export function dateToken(date: Date): string {
  return `<!date^${Math.floor(date.getTime() / 1000)}^{date_short_pretty} {time}|${utc(date)}>`;
}

/** `2026-11-22 09:30 UTC`, for plain text. */
export function utc(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function inTwo(seconds: number, size: number, unit: string, smallSize: number, smallUnit: string): string {
  const small = Math.floor((seconds % size) / smallSize);
  const large = `${number(Math.floor(seconds / size))} ${unit}`;
  return small === 0 ? large : `${large} ${small} ${smallUnit}`;
}
