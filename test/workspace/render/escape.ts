const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Makes any value safe inside HTML text and inside a quoted attribute. */
export function escapeHtml(value: string | number | undefined): string {
  return String(value ?? '').replace(/[&<>"']/g, character => ENTITIES[character]!);
}

/** Undoes the three escapes Slack asks for in text (docs.slack.dev/messaging/formatting-message-text). */
export function unescapeSlack(text: string): string {
  return text.replace(/&(amp|lt|gt);/g, (_, name: string) => (name === 'amp' ? '&' : name === 'lt' ? '<' : '>'));
}

/** The URL when a link may lead there: the web, a mail, or a path of this server. Everything else, `javascript:` first, is nothing. */
export function safeUrl(url: unknown): string | undefined {
  if (typeof url !== 'string') return undefined;
  if (/^\/(?![/\\])/.test(url)) return url;
  return URL.canParse(url) && ['http:', 'https:', 'mailto:'].includes(new URL(url).protocol) ? url : undefined;
}

/** A double-quoted attribute with a leading space, or nothing when there is no value. */
export function attribute(name: string, value: string | number | boolean | undefined): string {
  if (value === undefined || value === false) return '';
  return value === true ? ` ${name}` : ` ${name}="${escapeHtml(value)}"`;
}
