import { personName, type RenderContext } from '../render/context.ts';
import { formatDate, tsToDate } from '../render/date.ts';
import { escapeHtml } from '../render/escape.ts';
import { blocksToHtml, fileHtml, textToHtml } from '../render/html.ts';
import { authorName, type Message } from '../render/message.ts';

/** How many colours message.css has for avatars. */
const COLOURS = 8;

/** An avatar without a picture: initials on a colour that stays the same for the same id. */
export function avatarHtml(id: string, name: string, isApp = false): string {
  const colour = Array.from(id).reduce((sum, character) => (sum * 53 + character.codePointAt(0)!) % 251, 7) % COLOURS;
  const initials = name.slice(0, 2);
  return `<span class="avatar ${isApp ? 'app' : `colour-${colour}`}" aria-hidden="true">${escapeHtml(initials)}</span>`;
}

/** What surrounds a message and changes how it is shown. */
export interface Surroundings {
  /** The message before is by the same person and recent: no second avatar and name. */
  compact: boolean;
  /** What Slack would have against this message. */
  violations: readonly string[];
}

function contentHtml(message: Message, context: RenderContext): string {
  if (message.deleted) return '<p class="deleted">This message was deleted.</p>';
  return message.blocks?.length ? blocksToHtml(message.blocks, context) : textToHtml(message.text, context);
}

/** A message as Slack shows it: avatar, name, badges, time, content, files, and in red what is wrong with it. */
export function messageHtml(message: Message, context: RenderContext, { compact, violations }: Surroundings): string {
  const name = authorName(message, context);
  const seconds = tsToDate(message.ts).getTime() / 1000;
  const time = formatDate(seconds, '{time}', message.ts, context);
  const full = formatDate(seconds, '{date_long_full} {time_secs}', message.ts, context);
  const isApp = message.bot_id !== undefined;
  const badge = context.people.find(({ id }) => id === message.user)?.badge;
  const clock = `<time title="${escapeHtml(full)}">${escapeHtml(time)}</time>`;
  const edited = message.edited && !message.deleted ? '<span class="edited">(edited)</span>' : '';
  const head = compact
    ? ''
    : `<div class="head"><strong class="author">${escapeHtml(name)}</strong>${isApp ? '<span class="badge">APP</span>' : ''}${badge ? `<span class="badge">${escapeHtml(badge)}</span>` : ''}${clock}${edited}</div>`;
  const only = message.ephemeralFor
    ? `<p class="only" title="${escapeHtml(personName(message.ephemeralFor, context))}">👁 Only visible to you</p>`
    : '';
  const files = (message.files ?? []).map(fileHtml).join('');
  const broken = violations.map(what => `<p class="violation">⚠ ${escapeHtml(what)}</p>`).join('');
  const side = compact ? clock : avatarHtml(message.bot_id ?? message.user ?? '', name, isApp);
  return `<div class="side">${side}</div><div class="content">${only}${head}<div class="blocks">${contentHtml(message, context)}${compact ? edited : ''}</div>${files && `<div class="files">${files}</div>`}${broken}</div>`;
}
