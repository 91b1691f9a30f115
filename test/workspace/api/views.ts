import { z } from 'zod';
import { DEADLINES } from '../limits.ts';
import { newView, openModal, pushModal, replaceModal, viewObject } from '../modals.ts';
import { isRefusal, parseView, type ViewContent } from '../validate/surfaces.ts';
import { json, method, SlackError, type Surroundings } from './method.ts';

const view = json(z.looseObject({ type: z.string() }));

/** Refuses a view that Slack would refuse, and records why. */
export function checkedView(candidate: unknown, kind: 'modal' | 'home', { state, faults }: Surroundings): ViewContent {
  if (faults.rejects(candidate)) throw new SlackError('invalid_arguments', ['[ERROR] unsupported type']);
  const parsed = parseView(candidate, kind);
  if (!isRefusal(parsed)) return parsed;
  state.violate(parsed.error, parsed.messages.join('; '));
  throw new SlackError(parsed.error, parsed.messages);
}

/** Uses up a trigger_id and says whose it was. */
function personOfTrigger(id: string, { state }: Surroundings): string {
  const trigger = state.triggers.get(id);
  if (!trigger) throw new SlackError('invalid_trigger_id');
  if (trigger.used) {
    state.violate('exchanged_trigger_id', `trigger ${id} was used twice`);
    throw new SlackError('exchanged_trigger_id');
  }
  if (state.now() - trigger.issuedAt > DEADLINES.trigger) {
    state.violate(
      'expired_trigger_id',
      `trigger ${id} was used ${state.now() - trigger.issuedAt} ms after it was issued`,
    );
    throw new SlackError('expired_trigger_id');
  }
  trigger.used = true;
  return trigger.user;
}

const opening = z.object({ trigger_id: z.string(), view });

export const viewMethods = {
  'views.open': method({
    args: opening,
    run(args, surroundings) {
      const content = checkedView(args.view, 'modal', surroundings);
      const user = personOfTrigger(args.trigger_id, surroundings);
      return { view: viewObject(openModal(surroundings.state, user, content)) };
    },
  }),

  'views.push': method({
    args: opening,
    run(args, surroundings) {
      const content = checkedView(args.view, 'modal', surroundings);
      const pushed = pushModal(surroundings.state, personOfTrigger(args.trigger_id, surroundings), content);
      if (!pushed) throw new SlackError('push_limit_reached');
      return { view: viewObject(pushed) };
    },
  }),

  'views.update': method({
    args: z.object({
      view,
      view_id: z.string().optional(),
      external_id: z.string().optional(),
      hash: z.string().optional(),
    }),
    run(args, surroundings) {
      const { state } = surroundings;
      const content = checkedView(args.view, 'modal', surroundings);
      const found = [...state.modals].flatMap(([user, stack]) => stack.map(shown => ({ user, shown })));
      const target = found.find(({ shown }) =>
        args.view_id ? shown.id === args.view_id : args.external_id && shown.external_id === args.external_id,
      );
      if (!target) throw new SlackError('not_found');
      if (args.hash && args.hash !== target.shown.hash) throw new SlackError('hash_conflict');
      return { view: viewObject(replaceModal(state, target.user, target.shown, content)) };
    },
  }),

  'views.publish': method({
    args: z.object({ user_id: z.string(), view, hash: z.string().optional() }),
    run(args, surroundings) {
      const { state } = surroundings;
      if (!state.people.some(each => each.id === args.user_id)) throw new SlackError('user_not_found');
      const current = state.homes.get(args.user_id);
      if (args.hash && current && args.hash !== current.hash) throw new SlackError('hash_conflict');
      const home = newView(state, checkedView(args.view, 'home', surroundings));
      state.homes.set(args.user_id, home);
      state.changed();
      return { view: viewObject(home) };
    },
  }),
};
