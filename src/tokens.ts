/** One word of a command line as a person meant it. */
export interface Token {
  readonly text: string;
  /** Was in quotes: then it is a value, even when it begins with a dash. */
  readonly quoted: boolean;
}

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };
/** What ends a quotation, by what began it; a straight mark and a curly one mix when part of a line was pasted. */
const closing: Readonly<Record<string, string>> = {
  '"': '"”',
  '“': '”"',
  '”': '”"',
  '„': '“”"',
  "'": "'",
  '‘': '’',
  '’': '’',
  '«': '»',
};

/**
 * Splits what arrived from Slack into words, undoing what clients and Slack do to text on its way: curly quotes, a
 * long dash for `--`, non-breaking spaces, `&amp;`, links made of what looks like one, `<@U123|name>` and `<#C1|name>`
 * (which become their ids). https://docs.slack.dev/interactivity/implementing-slash-commands
 * An unclosed quote reaches to the end.
 */
export function tokenize(raw: string): Token[] {
  const line = unwrap(raw);
  const tokens: Token[] = [];
  let text = '';
  let quoted = false;
  let started = false;
  let until: string | undefined;
  for (const character of line) {
    if (until !== undefined) {
      if (until.includes(character)) until = undefined;
      else text += character;
    } else if (/\s/u.test(character)) {
      if (started) tokens.push({ text, quoted });
      text = '';
      quoted = false;
      started = false;
    } else if (closing[character] !== undefined && !(started && (character === "'" || character === '’'))) {
      until = closing[character];
      quoted ||= !started;
      started = true;
    } else {
      text += character;
      started = true;
    }
  }
  if (started) tokens.push({ text, quoted });
  return tokens.map(token => (token.quoted ? token : { ...token, text: token.text.replace(/^[—–](?=[a-z])/u, '--') }));
}

/** Slack escapes `<` in what people type, so none is inside a link; not looking past one keeps this linear. */
function unwrap(raw: string): string {
  return raw
    .replace(/<[@#!]([^|<>]*)(?:\|[^<>]*)?>/g, (_, id: string) => id)
    .replace(/<((?:https?|mailto|tel):[^|<>]*)(?:\|([^<>]*))?>/g, (_, url: string, shown?: string) => shown ?? url)
    .replace(/&(?:amp|lt|gt);/g, entity => entities[entity]!);
}
