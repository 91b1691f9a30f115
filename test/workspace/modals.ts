import { BOT, TEAM } from './people.ts';
import type { State } from './state.ts';
import type { View } from './types.ts';
import type { ViewContent } from './validate/surfaces.ts';

/** How many views may be stacked (https://docs.slack.dev/surfaces/modals#view-stack). */
const STACK = 3;

/** Gives a checked view its identity. */
export function newView(state: State, content: ViewContent, below?: View): View {
  const id = state.nextId('V');
  return contentOf(state, content, {
    id,
    root_view_id: below?.root_view_id ?? id,
    previous_view_id: below?.id ?? null,
  });
}

function contentOf(
  state: State,
  content: ViewContent,
  identity: Pick<View, 'id' | 'root_view_id' | 'previous_view_id'>,
): View {
  return {
    ...content,
    ...identity,
    team_id: TEAM.id,
    app_id: BOT.appId,
    bot_id: BOT.botId,
    hash: `${state.nextTs()}.${state.nextId('')}`,
    private_metadata: content.private_metadata ?? '',
    callback_id: content.callback_id ?? '',
    external_id: content.external_id ?? '',
    blocks: state.withIds(content.blocks),
    state: { values: {} },
  };
}

/** Opens a view for a person in place of whatever was open. */
export function openModal(state: State, user: string, content: ViewContent): View {
  const view = newView(state, content);
  state.modals.set(user, [view]);
  state.changed();
  return view;
}

/** Puts a view on top of a person's open ones; undefined when no more fit. */
export function pushModal(state: State, user: string, content: ViewContent): View | undefined {
  const stack = state.modals.get(user) ?? [];
  if (stack.length >= STACK) return undefined;
  const view = newView(state, content, stack.at(-1));
  state.modals.set(user, [...stack, view]);
  state.changed();
  return view;
}

/** Shows other content in an open view. */
export function replaceModal(state: State, user: string, old: View, content: ViewContent): View {
  const view = contentOf(state, content, old);
  const stack = state.modals.get(user) ?? [];
  state.modals.set(
    user,
    stack.map(each => (each.id === old.id ? view : each)),
  );
  state.changed();
  return view;
}

/** Closes the topmost view of a person, or all of them. */
export function closeModal(state: State, user: string, all = false): void {
  state.modals.set(user, all ? [] : (state.modals.get(user) ?? []).slice(0, -1));
  state.changed();
}

/** A view as the Web API and payloads show it: without the errors under its inputs. */
export function viewObject(view: View): Record<string, unknown> {
  return { ...view, errors: undefined };
}
