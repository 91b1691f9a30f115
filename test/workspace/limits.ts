/**
 * Slack's limits, in one table: the validators read the numbers from here and the tests walk it, one case a row.
 * Where Slack's pages disagree, the strictest number is taken (https://docs.slack.dev/reference/block-kit,
 * https://docs.slack.dev/reference/methods/chat.update, https://docs.slack.dev/surfaces/modals).
 */
export const LIMITS = {
  messageText: { max: 4_000, of: 'characters in the top-level text of a message' },
  messageBlocks: { max: 50, of: 'blocks in a message' },
  messageBlockText: { max: 13_000, of: 'characters in all blocks of a message together' },
  viewBlocks: { max: 100, of: 'blocks in a view' },
  viewBytes: { max: 250_000, of: 'bytes in a view' },
  viewTitle: { max: 24, of: 'characters in the title of a view' },
  viewSubmit: { max: 24, of: 'characters on the submit button of a view' },
  viewClose: { max: 24, of: 'characters on the close button of a view' },
  privateMetadata: { max: 3_000, of: 'characters of private_metadata' },
  callbackId: { max: 255, of: 'characters in a callback_id' },
  textObject: { max: 3_000, of: 'characters in a text object' },
  sectionText: { max: 3_000, of: 'characters in the text of a section' },
  sectionFields: { max: 10, of: 'fields in a section' },
  sectionField: { max: 2_000, of: 'characters in a field of a section' },
  headerText: { max: 150, of: 'characters in a header' },
  contextElements: { max: 10, of: 'elements in a context block' },
  actionsElements: { max: 25, of: 'elements in an actions block' },
  inputLabel: { max: 2_000, of: 'characters in the label of an input' },
  buttonText: { max: 75, of: 'characters on a button' },
  buttonValue: { max: 2_000, of: 'characters in the value of a button' },
  confirmTitle: { max: 100, of: 'characters in the title of a confirm dialog' },
  confirmText: { max: 300, of: 'characters in the text of a confirm dialog' },
  confirmButton: { max: 30, of: 'characters on a button of a confirm dialog' },
  actionId: { max: 255, of: 'characters in an action_id' },
  blockId: { max: 255, of: 'characters in a block_id' },
  selectOptions: { max: 100, of: 'options in a select menu' },
  overflowOptions: { max: 5, of: 'options in an overflow menu' },
  choiceOptions: { max: 10, of: 'options in checkboxes or radio buttons' },
  optionText: { max: 75, of: 'characters in the text of an option' },
  tableRows: { max: 101, of: 'rows in a table, its header included' },
  tableColumns: { max: 20, of: 'columns in a table' },
  tableCharacters: { max: 10_000, of: 'characters in the cells of a table' },
  tables: { max: 1, of: 'table blocks in a message' },
} as const satisfies Record<string, { max: number; of: string }>;

export type LimitName = keyof typeof LIMITS;

/** Time limits, in milliseconds (https://docs.slack.dev/interactivity/handling-user-interaction). */
export const DEADLINES = {
  acknowledge: 3_000,
  trigger: 3_000,
  responseUrl: 30 * 60_000,
} as const;

/** How often one response_url may be used. */
export const RESPONSE_URL_USES = 5;

/** How many Socket Mode connections one app may hold open. */
export const SOCKET_CONNECTIONS = 10;

/** Block types whose content counts as the one table a message may have. */
export const TABLE_BLOCKS: ReadonlySet<string> = new Set(['table', 'data_table']);

export type Surface = 'message' | 'modal' | 'home';

/** Where each block type may be used; a type missing here does not exist. */
export const SURFACES: Readonly<Record<string, readonly Surface[]>> = {
  actions: ['message', 'modal', 'home'],
  alert: ['modal'],
  card: ['message', 'home'],
  carousel: ['message'],
  container: ['message'],
  context: ['message', 'modal', 'home'],
  context_actions: ['message'],
  data_table: ['message', 'modal'],
  data_visualization: ['message'],
  divider: ['message', 'modal', 'home'],
  header: ['message', 'modal', 'home'],
  image: ['message', 'modal', 'home'],
  input: ['message', 'modal', 'home'],
  markdown: ['message'],
  plan: ['message'],
  rich_text: ['message', 'modal', 'home'],
  section: ['message', 'modal', 'home'],
  table: ['message'],
  task_card: ['message'],
  video: ['message', 'modal', 'home'],
};
