import { WebClient, type WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import { z } from 'zod';

const missingScope = z.object({ data: z.object({ error: z.literal('missing_scope'), needed: z.string().min(1) }) });

/** A client that says once, in one line of the log, which scope the app lacks and how it gets it. */
export class ScopeClient extends WebClient {
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(token: string, options: WebClientOptions, log: Logger) {
    super(token, options);
    this.#log = log;
  }

  override async apiCall(...call: Parameters<WebClient['apiCall']>): ReturnType<WebClient['apiCall']> {
    try {
      return await super.apiCall(...call);
    } catch (error) {
      const missing = missingScope.safeParse(error);
      if (missing.success) this.#say(call[0], missing.data.data.needed);
      throw error;
    }
  }

  #say(method: string, scope: string): void {
    if (this.#said.has(scope)) return;
    this.#said.add(scope);
    this.#log.error(
      { scope, method },
      `Slack refuses ${method}: the app lacks the scope ${scope}. Add it under "OAuth & Permissions" at api.slack.com/apps and reinstall the app; manifest.yml lists all scopes.`,
    );
  }
}
