import { cut } from '../blocks/text.ts';

/** What somebody typed, short enough to repeat to them: on one line, without characters that cannot be seen. */
export function brief(text: string): string {
  return cut(text.replace(/[\p{C}\s]+/gu, ' ').trim(), 40);
}

/** The same in quotation marks. */
export function quoted(text: string): string {
  return `“${brief(text)}”`;
}
