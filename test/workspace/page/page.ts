import { escapeHtml } from '../render/escape.ts';
import { find, setHtml } from './dom.ts';
import { type Layout, layoutFrom, searchOf, withChannel } from './layout.ts';
import { channelTitle, Pane } from './pane.ts';
import { follow, type State } from './state.ts';

let state: State | undefined;
let layout: Layout | undefined;
/** How many messages of each channel were there when it was last on the page. */
const seen = new Map<string, number>();

const panes = find(document, '#panes');
const channels = find(document, '#channels');
const beside = find<HTMLSelectElement>(document, '#beside-choice');
const left = new Pane('left', as => change({ as }));
const right = new Pane('right', as => change({ beside: as }));
panes.append(left.element, right.element);

function change(changes: Partial<Layout>): void {
  if (!state || !layout) return;
  layout = { ...layout, ...changes };
  history.replaceState(null, '', searchOf(layout, state));
  show();
}

/** The channels a person may choose: all shared ones, and the direct messages of whoever is acting. */
function choosable(state: State, as: string): State['channels'] {
  const name = state.people.find(({ id }) => id === as)?.name;
  return state.channels.filter(channel => !channel.id.startsWith('D') || channel.name.replace(/^@/, '') === name);
}

function showChannels(state: State, { as, channel, other, beside }: Layout): void {
  const tabs = choosable(state, as).map(({ id }) => {
    const shown = id === channel || (id === other && beside === undefined);
    const count = state.messages.filter(message => message.channel === id && !message.ephemeralFor).length;
    if (id === channel) seen.set(id, count);
    const unread = !shown && count > (seen.get(id) ?? 0);
    const current = id === channel ? ' aria-current="page"' : '';
    return `<button type="button" data-channel="${escapeHtml(id)}" class="${shown ? 'shown' : ''}${unread ? ' unread' : ''}"${current}>${escapeHtml(channelTitle(state, id))}</button>`;
  });
  setHtml(channels, tabs.join(''));
}

function showBeside(state: State, { as, channel, other, beside: who }: Layout): void {
  const option = (value: string, text: string, selected: boolean) =>
    `<option value="${escapeHtml(value)}"${selected ? ' selected' : ''}>${escapeHtml(text)}</option>`;
  const others = choosable(state, as).filter(({ id }) => id !== channel);
  const people = state.people.filter(({ id }) => id !== as);
  setHtml(
    beside,
    [
      `<optgroup label="Another channel">${others.map(({ id }) => option(`channel ${id}`, channelTitle(state, id), !who && id === other)).join('')}</optgroup>`,
      `<optgroup label="The same channel as">${people.map(({ id, name }) => option(`person ${id}`, name, id === who)).join('')}</optgroup>`,
    ].join(''),
  );
}

function showViolations({ violations }: State): void {
  const box = find<HTMLDetailsElement>(document, '#violations');
  box.hidden = violations.length === 0;
  const items = violations.map(({ what }) => `<li>${escapeHtml(what)}</li>`).join('');
  const count = violations.length === 1 ? 'One thing' : `${violations.length} things`;
  if (setHtml(box, `<summary>${count} Slack would not accept</summary><ol>${items}</ol>`)) box.open = true;
}

function show(): void {
  if (!state) return;
  layout ??= layoutFrom(location.search, state);
  const { as, channel, other, beside: who } = layout;
  const team = typeof state.team === 'string' ? state.team : state.team.name;
  find(document, '#team').textContent = team;
  document.title = `${channelTitle(state, channel)} · ${team}`;
  showChannels(state, layout);
  showBeside(state, layout);
  showViolations(state);
  panes.classList.toggle('split', who !== undefined);
  left.update({ state, channel, as, choosesPerson: true, showsModals: true });
  right.update({
    state,
    channel: who === undefined ? other : channel,
    as: who ?? as,
    choosesPerson: who !== undefined,
    showsModals: who !== undefined && who !== as,
  });
}

channels.addEventListener('click', event => {
  const id = (event.target as Element).closest<HTMLElement>('[data-channel]')?.dataset.channel;
  if (!id || !layout) return;
  change(withChannel(layout, id));
  left.focus();
});

beside.addEventListener('change', () => {
  const [kind, id = ''] = beside.value.split(' ');
  change(kind === 'person' ? { beside: id } : { beside: undefined, other: id });
});

follow(
  fresh => {
    const first = state === undefined;
    state = fresh;
    show();
    if (first) left.focus();
  },
  connected => {
    find(document, '#offline').hidden = connected;
  },
);
