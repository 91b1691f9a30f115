/** A budget of calls: at most `calls` within `windowMs`. */
interface Budget {
  calls: number;
  windowMs: number;
}

/**
 * Slack allows one post a second and channel but lets short bursts pass; chat.update is Tier 3
 * (https://docs.slack.dev/apis/web-api/rate-limits).
 */
const BUDGETS: Readonly<Record<string, Budget>> = {
  'chat.postMessage': { calls: 5, windowMs: 5_000 },
  'chat.update': { calls: 50, windowMs: 60_000 },
};

/**
 * Counts calls against Slack's published rate limits.
 * @returns a function that gives the seconds to wait before the call may be made, or undefined when it may be made now.
 */
export function rateLimiter(now: () => number): (method: string, channel: string) => number | undefined {
  const made = new Map<string, number[]>();
  return (method, channel) => {
    const budget = BUDGETS[method];
    if (!budget) return undefined;
    const key = method === 'chat.postMessage' ? `${method} ${channel}` : method;
    const recent = (made.get(key) ?? []).filter(at => at > now() - budget.windowMs);
    const oldest = recent[0];
    if (oldest !== undefined && recent.length >= budget.calls)
      return Math.max(1, Math.ceil((oldest + budget.windowMs - now()) / 1000));
    made.set(key, [...recent, now()]);
    return undefined;
  };
}
