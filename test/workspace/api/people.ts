import { z } from 'zod';
import { BOT, TEAM, userObject } from '../people.ts';
import { flag, method, SlackError } from './method.ts';

const BOT_PERSON = { id: BOT.userId, name: BOT.name, realName: BOT.name, teamId: TEAM.id, isBot: true };

export const peopleMethods = {
  'auth.test': method({
    args: z.object({}),
    run: (_args, { url }) => ({
      url: `${url}/`,
      team: TEAM.name,
      user: BOT.name,
      team_id: TEAM.id,
      user_id: BOT.userId,
      bot_id: BOT.botId,
      is_enterprise_install: false,
    }),
  }),

  'apps.connections.open': method({
    token: 'app',
    args: z.object({}),
    run: (_args, { openConnection }) => ({ url: openConnection() }),
  }),

  'bots.info': method({
    scope: 'users:read',
    args: z.object({ bot: z.string() }),
    run(args) {
      if (args.bot !== BOT.botId) throw new SlackError('bot_not_found');
      return { bot: { id: BOT.botId, app_id: BOT.appId, user_id: BOT.userId, name: BOT.name, deleted: false } };
    },
  }),

  'users.info': method({
    scope: 'users:read',
    args: z.object({ user: z.string(), include_locale: flag.optional() }),
    run(args, { state }) {
      const person = [...state.people, BOT_PERSON].find(each => each.id === args.user);
      if (!person) throw new SlackError('user_not_found');
      return { user: userObject(person) };
    },
  }),

  'usergroups.users.list': method({
    scope: 'usergroups:read',
    args: z.object({ usergroup: z.string(), include_disabled: flag.optional() }),
    run(args, { state }) {
      const group = state.userGroups.find(each => each.id === args.usergroup);
      if (!group) throw new SlackError('no_such_subteam');
      return { users: [...group.members] };
    },
  }),

  'usergroups.list': method({
    scope: 'usergroups:read',
    args: z.object({
      include_users: flag.optional(),
      include_count: flag.optional(),
      include_disabled: flag.optional(),
    }),
    run: (args, { state }) => ({
      usergroups: state.userGroups.map(group => ({
        id: group.id,
        team_id: TEAM.id,
        is_usergroup: true,
        handle: group.handle,
        name: group.handle,
        date_delete: 0,
        ...(args.include_users ? { users: [...group.members] } : {}),
        ...(args.include_count ? { user_count: group.members.length } : {}),
      })),
    }),
  }),
};
