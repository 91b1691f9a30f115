import type { WebClient } from '@slack/web-api';
import type { SlackQuestions } from '../access/directory.ts';

/** The questions about people and channels, as Web API methods. */
export function slackQuestions(client: WebClient): SlackQuestions {
  return {
    usersInfo: user => client.users.info({ user }),
    conversationInfo: channel => client.conversations.info({ channel }),
    usergroupMembers: usergroup => client.usergroups.users.list({ usergroup }),
  };
}
