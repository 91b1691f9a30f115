/** What a form field holds: one value, several (checkboxes, multi-selects), or nothing. */
export type FieldValue = string | string[] | undefined;

/** The value of the element that carries `data-action-id`. */
export function fieldValue(field: Element): FieldValue {
  const kind = field.getAttribute('data-kind');
  const ticked = [...field.querySelectorAll<HTMLInputElement>('input:checked')].map(({ value }) => value);
  if (kind === 'checkboxes') return ticked;
  if (kind === 'radio_buttons') return ticked[0];
  if (field instanceof HTMLSelectElement && field.multiple) return [...field.selectedOptions].map(({ value }) => value);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement || field instanceof HTMLTextAreaElement)
    return field.value === '' ? undefined : field.value;
  return undefined;
}

/** Puts a value back, after the form was drawn again. */
function restore(field: Element, value: FieldValue): void {
  const values = value === undefined ? [] : [value].flat();
  for (const input of field.querySelectorAll<HTMLInputElement>('input')) input.checked = values.includes(input.value);
  if (field instanceof HTMLSelectElement)
    for (const option of field.options) option.selected = values.includes(option.value);
  else if (field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type !== 'file'))
    field.value = values[0] ?? '';
}

function fieldsOf(form: Element): Element[] {
  return [...form.querySelectorAll('[data-action-id]')].filter(field => !field.matches('button, a'));
}

/** Everything filled in, by block and action, as a submission carries it. */
export function valuesOf(form: Element): Record<string, Record<string, FieldValue>> {
  const values: Record<string, Record<string, FieldValue>> = {};
  for (const field of fieldsOf(form)) {
    const block = field.getAttribute('data-block-id') ?? '';
    const action = field.getAttribute('data-action-id') ?? '';
    values[block] = { ...values[block], [action]: fieldValue(field) };
  }
  return values;
}

/** Puts back what was filled in: Slack keeps it through an update for the same block and action. */
export function restoreAll(form: Element, values: Record<string, Record<string, FieldValue>>): void {
  for (const field of fieldsOf(form)) {
    const block = values[field.getAttribute('data-block-id') ?? ''];
    const action = field.getAttribute('data-action-id') ?? '';
    if (block && action in block) restore(field, block[action]);
  }
}
