/**
 * What Slack accepts, in characters or pieces, the strictest of its documents; views and tests read the same table.
 * https://docs.slack.dev/reference/block-kit/blocks and /reference/block-kit/composition-objects
 */
export const limits = {
  blocksInMessage: 50,
  /** A command's view keeps to this, so that the frame around it still fits. */
  blocksInCommandView: 40,
  /** All block text of a message together, else `msg_blocks_too_long`. */
  textInMessage: 13_000,
  /** `text` of chat.update; chat.postMessage takes more. */
  messageText: 4_000,
  sectionText: 3_000,
  sectionFields: 10,
  fieldText: 2_000,
  headerText: 150,
  contextElements: 10,
  actionElements: 25,
  /** Of a table, beside its header. https://docs.slack.dev/reference/block-kit/blocks/data-table-block */
  tableRows: 100,
  tableColumns: 20,
  /** Of all cells together. Slack takes 10,000, but the rest of the message needs room in `textInMessage` too. */
  tableText: 8_000,
  buttonText: 75,
  buttonValue: 2_000,
  actionId: 255,
  confirmTitle: 100,
  confirmText: 300,
  confirmButton: 30,
} as const;
