import { z } from 'zod';
import { anyText, confirm, listUpTo, option, plainText, textUpTo } from './text.ts';

const actionable = { action_id: textUpTo('actionId').optional() };
const confirmable = { confirm: confirm.optional() };
const focusable = { focus_on_load: z.boolean().optional() };
const placeholdable = { placeholder: plainText('optionText').optional() };
const interactive = { ...actionable, ...confirmable, ...focusable, ...placeholdable };
const typed = {
  ...actionable,
  ...focusable,
  ...placeholdable,
  dispatch_action_config: z
    .strictObject({ trigger_actions_on: z.array(z.enum(['on_enter_pressed', 'on_character_entered'])).optional() })
    .optional(),
};
const optionGroups = listUpTo(
  z.strictObject({ label: plainText('optionText'), options: listUpTo(option, 'selectOptions') }),
  'selectOptions',
);
const selectOptions = { options: listUpTo(option, 'selectOptions').optional(), option_groups: optionGroups.optional() };
const maxItems = { max_selected_items: z.number().int().min(1).optional() };

export const image = z.strictObject({
  type: z.literal('image'),
  alt_text: z.string().max(2_000),
  image_url: z.string().max(3_000).optional(),
  slack_file: z.strictObject({ url: z.string().optional(), id: z.string().optional() }).optional(),
});

export const button = z.strictObject({
  type: z.literal('button'),
  text: plainText('buttonText'),
  ...actionable,
  ...confirmable,
  value: textUpTo('buttonValue').optional(),
  url: z.string().max(3_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  accessibility_label: z.string().max(75).optional(),
});

const staticSelect = z.strictObject({
  type: z.literal('static_select'),
  ...interactive,
  ...selectOptions,
  initial_option: option.optional(),
});
const multiStaticSelect = z.strictObject({
  type: z.literal('multi_static_select'),
  ...interactive,
  ...selectOptions,
  ...maxItems,
  initial_options: z.array(option).optional(),
});
const usersSelect = z.strictObject({
  type: z.literal('users_select'),
  ...interactive,
  initial_user: z.string().optional(),
});
const multiUsersSelect = z.strictObject({
  type: z.literal('multi_users_select'),
  ...interactive,
  ...maxItems,
  initial_users: z.array(z.string()).optional(),
});
const conversationsSelect = z.strictObject({
  type: z.literal('conversations_select'),
  ...interactive,
  initial_conversation: z.string().optional(),
  default_to_current_conversation: z.boolean().optional(),
  response_url_enabled: z.boolean().optional(),
  filter: z.looseObject({}).optional(),
});
const overflow = z.strictObject({
  type: z.literal('overflow'),
  ...actionable,
  ...confirmable,
  options: listUpTo(option, 'overflowOptions'),
});
const checkboxes = z.strictObject({
  type: z.literal('checkboxes'),
  ...actionable,
  ...confirmable,
  ...focusable,
  options: listUpTo(option, 'choiceOptions'),
  initial_options: z.array(option).optional(),
});
const radioButtons = z.strictObject({
  type: z.literal('radio_buttons'),
  ...actionable,
  ...confirmable,
  ...focusable,
  options: listUpTo(option, 'choiceOptions'),
  initial_option: option.optional(),
});
const datepicker = z.strictObject({
  type: z.literal('datepicker'),
  ...interactive,
  initial_date: z.iso.date().optional(),
});
const timepicker = z.strictObject({
  type: z.literal('timepicker'),
  ...interactive,
  initial_time: z.string().optional(),
  timezone: z.string().optional(),
});
const datetimepicker = z.strictObject({
  type: z.literal('datetimepicker'),
  ...actionable,
  ...confirmable,
  ...focusable,
  initial_date_time: z.number().int().optional(),
});
const plainTextInput = z.strictObject({
  type: z.literal('plain_text_input'),
  ...typed,
  initial_value: z.string().max(3_000).optional(),
  multiline: z.boolean().optional(),
  min_length: z.number().int().min(0).max(3_000).optional(),
  max_length: z.number().int().min(1).max(3_000).optional(),
});
const numberInput = z.strictObject({
  type: z.literal('number_input'),
  ...typed,
  is_decimal_allowed: z.boolean(),
  initial_value: z.string().optional(),
  min_value: z.string().optional(),
  max_value: z.string().optional(),
});
const emailInput = z.strictObject({
  type: z.literal('email_text_input'),
  ...typed,
  initial_value: z.string().optional(),
});
const urlInput = z.strictObject({ type: z.literal('url_text_input'), ...typed, initial_value: z.string().optional() });

const choices = [
  staticSelect,
  multiStaticSelect,
  usersSelect,
  multiUsersSelect,
  conversationsSelect,
  checkboxes,
  radioButtons,
  datepicker,
  timepicker,
] as const;

/** What an actions block may hold. */
export const actionsElement = z.discriminatedUnion('type', [button, overflow, datetimepicker, ...choices]);

/** What may stand beside the text of a section. */
export const accessory = z.discriminatedUnion('type', [button, overflow, image, ...choices]);

/** What an input block may hold. */
export const inputElement = z.discriminatedUnion('type', [
  plainTextInput,
  numberInput,
  emailInput,
  urlInput,
  datetimepicker,
  ...choices,
]);

/** What a context block may hold. */
export const contextElement = z.union([image, anyText()]);
