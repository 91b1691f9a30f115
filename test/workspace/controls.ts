import type { StoredBlock, View } from './types.ts';

/** Something one can press, choose from or fill in, and the block it stands in. */
export interface Control {
  blockId: string;
  type: string;
  actionId: string;
  element: Record<string, unknown>;
  /** The block's label, for an input. */
  label: string;
  optional: boolean;
}

interface Option {
  text: { text: string };
  value?: string;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of a text object, or nothing for anything else. */
export function textOf(value: unknown): string {
  return isRecord(value) && typeof value.text === 'string' ? value.text : '';
}

/** Every control in a list of blocks, in the order shown. */
export function controlsOf(blocks: readonly StoredBlock[] = []): Control[] {
  return blocks.flatMap(block => within(block, block));
}

function within(value: unknown, block: Record<string, unknown>): Control[] {
  if (Array.isArray(value)) return value.flatMap(each => within(each, block));
  if (!isRecord(value)) return [];
  if (typeof value.action_id === 'string') return [controlOf(value, block)];
  const owner = typeof value.block_id === 'string' ? value : block;
  return Object.values(value).flatMap(each => within(each, owner));
}

function controlOf(element: Record<string, unknown>, block: Record<string, unknown>): Control {
  return {
    blockId: String(block.block_id),
    type: String(element.type),
    actionId: String(element.action_id),
    element,
    label: textOf(block.label),
    optional: block.optional === true,
  };
}

/** The options of a menu, those in groups included. */
function optionsOf({ element }: Control): Option[] {
  const groups = (element.option_groups as { options: Option[] }[] | undefined) ?? [];
  return [...((element.options as Option[] | undefined) ?? []), ...groups.flatMap(group => group.options)];
}

function optionNamed(control: Control, choice: string): Option {
  const options = optionsOf(control);
  const found = options.find(each => each.value === choice || each.text.text === choice);
  if (!found) throw new Error(`no option ${choice}; there are ${options.map(each => each.text.text).join(', ')}`);
  return found;
}

/** The property of an action or of a view's state that holds a control's value, by element type. */
const VALUE_PROPERTY: Readonly<Record<string, string>> = {
  static_select: 'selected_option',
  overflow: 'selected_option',
  radio_buttons: 'selected_option',
  multi_static_select: 'selected_options',
  checkboxes: 'selected_options',
  users_select: 'selected_user',
  multi_users_select: 'selected_users',
  conversations_select: 'selected_conversation',
  datepicker: 'selected_date',
  timepicker: 'selected_time',
  datetimepicker: 'selected_date_time',
};

/** What a choice or typed text looks like in an action and in the state of a view. */
export function chosenValue(control: Control, given: string | readonly string[]): Record<string, unknown> {
  const property = VALUE_PROPERTY[control.type] ?? 'value';
  const list = typeof given === 'string' ? (given ? [given] : []) : given;
  switch (property) {
    case 'selected_options':
      return { [property]: list.map(each => optionNamed(control, each)) };
    case 'selected_users':
      return { [property]: list };
    case 'selected_option':
      return { [property]: list[0] ? optionNamed(control, list[0]) : null };
    case 'selected_date_time':
      return { [property]: list[0] ? Number(list[0]) : null };
    default:
      return { [property]: list[0] ?? null };
  }
}

/** The value a control starts with. */
function initialValue({ element, type }: Control): Record<string, unknown> {
  const property = VALUE_PROPERTY[type] ?? 'value';
  const initial = element[property.replace(/^selected/, 'initial').replace(/^value$/, 'initial_value')];
  return { [property]: initial ?? (property.endsWith('s') ? [] : null) };
}

/** What a person put into a control; undefined leaves it as it was. */
export type FillIn = (control: Control) => string | readonly string[] | undefined;

/**
 * The state of a view as submitted.
 * @throws Error when Slack's client would not let it go: a required input is empty, or a text too short or too long.
 */
export function filledIn(view: View, fillIn: FillIn): View['state'] {
  const values: View['state']['values'] = {};
  for (const control of controlsOf(view.blocks.filter(each => each.type === 'input'))) {
    const given = fillIn(control);
    const value = given === undefined ? initialValue(control) : chosenValue(control, given);
    const held = Object.values(value)[0];
    const empty = held === null || (Array.isArray(held) && held.length === 0);
    if (empty && !control.optional) throw new Error(`"${control.label}" is a required field`);
    if (typeof held === 'string') checkLength(control, held);
    values[control.blockId] = { [control.actionId]: { type: control.type, ...value } };
  }
  return { values };
}

function checkLength({ element, label }: Control, text: string): void {
  const { min_length: min, max_length: max } = element;
  if (typeof min === 'number' && text.length < min) throw new Error(`"${label}" needs at least ${min} characters`);
  const limit = typeof max === 'number' ? max : 3_000;
  if (text.length > limit) throw new Error(`"${label}" takes at most ${limit} characters`);
}
