/** A value of a sample row as JSON has it; a number is its own text, so that a bigint keeps all digits. */
export type SampleValue = string | { readonly number: string } | boolean | null | readonly unknown[] | object;

/** Columns that hold something about a person whatever their type: a phone as a number, a date of birth. */
const personal =
  /mail|phone|mobile|fax|name|birth|dob|gender|address|street|city|zip|postal|iban|bic|card|cvv|tax|ssn|passport|password|passwd|secret|token|key$|hash|ip$|note|comment|message|description|title|subject|body|text/i;

/** `id`, `user_id`, `userId`, `sf_account_id`, `uuid` */
const identifying = /^(?:id|uuid|oid|.*_(?:id|uuid)|.*[a-z](?:Id|ID|Uuid))$/;

/** An id as machines write them: no space, no at sign, at least one digit. */
const identifier = /^(?=.*\d)[\w:.-]{1,64}$/;
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** ISO dates, times of day and timestamps, as row_to_json writes them. */
const moment = /^(?:\d{4,6}-\d\d-\d\d(?:T[\d:.]+(?:[+-][\d:]+)?)?|\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-][\d:]+)?)$/;

const hidden = '•••';

/**
 * A value of a sample row as people in a channel may see it. Ids, numbers, dates and booleans stay, for they are what
 * one looks a row up with; everything that could be about a person keeps at most its first character.
 *
 * @param show columns that the check declares harmless.
 */
export function mask(column: string, value: SampleValue, show: readonly string[]): string {
  if (value === null) return 'NULL';
  const text = textOf(value);
  if (show.includes(column)) return text;
  if (personal.test(column)) return masked(text);
  if (typeof value === 'boolean' || isNumber(value)) return text;
  if (typeof value !== 'string') return hidden;
  if (uuid.test(value) || moment.test(value)) return text;
  if (identifying.test(column) && identifier.test(value)) return text;
  return masked(text);
}

function textOf(value: Exclude<SampleValue, null>): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  return isNumber(value) ? value.number : JSON.stringify(value);
}

function isNumber(value: SampleValue): value is { readonly number: string } {
  return typeof value === 'object' && value !== null && 'number' in value && typeof value.number === 'string';
}

/** `a•••@•••`, `A•••`; what is too short to hide behind its first character shows nothing. */
function masked(text: string): string {
  const first = /^.(?=.{3})/su.exec(text)?.[0] ?? '';
  return /^[^@\s]+@[^@\s]+$/.test(text) ? `${first}${hidden}@${hidden}` : `${first}${hidden}`;
}
