import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { failureOf } from './failure.ts';

/** Who the bot is. */
export interface Identity {
  readonly team: string;
  readonly botUser: string;
}

const authTest = z.object({ team_id: z.string().min(1), user_id: z.string().min(1) });

/**
 * Asks Slack who the token belongs to.
 * @throws UserError when Slack does not take the token or cannot be reached.
 */
export async function identify(client: WebClient): Promise<Identity> {
  try {
    const answer = authTest.parse(await client.auth.test());
    return { team: answer.team_id, botUser: answer.user_id };
  } catch (cause) {
    const failure = failureOf(cause);
    if (failure?.is === 'refused') {
      throw new UserError(`Slack does not take SLACK_BOT_TOKEN: ${failure.code}.`, {
        hint: 'Copy the bot token anew from your app at api.slack.com/apps, "OAuth & Permissions".',
        cause,
      });
    }
    throw new UserError('Slack could not be reached.', {
      hint: 'Check the network, a proxy, and SLACK_API_URL.',
      cause,
    });
  }
}
