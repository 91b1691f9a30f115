import type {
  ActionsBlockElement,
  ContextActionsBlockElement,
  InputBlockElement,
  Option,
  SectionBlockAccessory,
} from '@slack/types';
import type { RenderContext } from './context.ts';

/** Everything a person can press, choose or fill in. */
export type Element = ActionsBlockElement | ContextActionsBlockElement | InputBlockElement | SectionBlockAccessory;

/** A choice of a select, whatever it lists: options, people or channels. */
export interface Choice {
  group?: string;
  option: Option;
  chosen: boolean;
}

type SelectElement = Extract<
  Element,
  { type: `${string}_select` } // every select, single or multi
>;

function plainOption(value: string, text: string): Option {
  return { value, text: { type: 'plain_text', text } };
}

function listed(element: SelectElement, context: RenderContext): { group?: string; option: Option }[] {
  switch (element.type) {
    case 'static_select':
    case 'multi_static_select':
      return [
        ...(element.options ?? []).map(option => ({ option })),
        ...(element.option_groups ?? []).flatMap(({ label, options }) =>
          options.map(option => ({ group: label.text, option })),
        ),
      ];
    case 'users_select':
    case 'multi_users_select':
      return context.people.map(({ id, name }) => ({ option: plainOption(id, name) }));
    case 'external_select':
    case 'multi_external_select':
      return [];
    default:
      return (context.channels ?? []).map(({ id, name }) => ({ option: plainOption(id, `#${name}`) }));
  }
}

function initialValues(element: SelectElement): (string | undefined)[] {
  const given: Record<string, unknown> = { ...element };
  return Object.keys(given)
    .filter(key => key.startsWith('initial_'))
    .flatMap(key => given[key] as string | Option | (string | Option)[])
    .map(initial => (typeof initial === 'string' ? initial : initial?.value));
}

/** What a select offers, and which of it is chosen at first. */
export function choicesOf(element: SelectElement, context: RenderContext): Choice[] {
  const initial = initialValues(element);
  return listed(element, context).map(choice => ({
    ...choice,
    chosen: choice.option.value !== undefined && initial.includes(choice.option.value),
  }));
}

/** Whether an element is a select of any kind. */
export function isSelect(element: Element): element is SelectElement {
  return element.type.endsWith('_select');
}
