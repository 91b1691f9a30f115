/** Asks Slack what the rules need to know, and applies them. The one road from an envelope to a yes or a no. */
import type { Directory, LookupOptions } from './directory.ts';
import type { Known, Verdict } from './known.ts';
import type { Person } from './person.ts';
import { type AskingRules, couldAnybodyApprove, mayApprove, mayAsk, mayDeny, type Risk } from './rules.ts';

/** Who typed or clicked, as the envelope says: ids alone, no names and no button values. */
export interface Whereabouts {
  readonly user: string;
  readonly channel: string;
  /** The workspace that the envelope gives for the person, where it gives one. */
  readonly team?: string;
}

/** The part of a target's settings that access depends on. */
export interface AccessRules extends AskingRules {
  readonly approvers: readonly string[];
  readonly operators: readonly string[] | undefined;
  /** Approvals that an action needs. */
  readonly approvals: number;
}

/** users.info allows about 100 calls a minute (Tier 4, https://docs.slack.dev/apis/web-api/rate-limits). */
const lookupsAtOnce = 5;

export class Gate {
  readonly #directory: Directory;
  readonly #homeTeam: string;

  constructor(directory: Directory, homeTeam: string) {
    this.#directory = directory;
    this.#homeTeam = homeTeam;
  }

  /** The person's name for the record, as far as Slack has said it; never decides anything. */
  async nameOf(user: string): Promise<string> {
    const person = await this.#directory.person(user);
    return person.state === 'known' ? person.value.name : '';
  }

  /** Whether a command may be asked for; `fresh` when it is asked again before an approved action runs. */
  async mayAsk(
    from: Whereabouts,
    target: AccessRules,
    command: { readonly risk: Risk; readonly needsApproval: boolean },
    options: LookupOptions = {},
  ): Promise<Verdict> {
    const [asking, operators] = await Promise.all([
      this.#asking(from, options),
      target.operators === undefined || command.risk === 'read'
        ? undefined
        : this.#directory.members(target.operators, options),
    ]);
    return mayAsk({ ...asking, ...command, target, operators });
  }

  /** Whether this click may approve. Always asks Slack afresh. */
  async mayApprove(from: Whereabouts, target: AccessRules, requester: string): Promise<Verdict> {
    return mayApprove(await this.#deciding(from, target, requester));
  }

  /** Whether this click may deny. Always asks Slack afresh. */
  async mayDeny(from: Whereabouts, target: AccessRules, requester: string): Promise<Verdict> {
    return mayDeny(await this.#deciding(from, target, requester));
  }

  /**
   * Whether a request of this person on this target could ever be approved. Asks Slack about the approvers a few at a
   * time and stops when there are enough: a user group can have hundreds of members.
   */
  async couldAnybodyApprove(requester: string, target: AccessRules): Promise<Verdict> {
    const approvers = await this.#directory.members(target.approvers);
    const unasked = [...approvers.people].filter(id => id !== requester);
    const people = new Map<string, Known<Person>>();
    for (;;) {
      const verdict = couldAnybodyApprove({
        target: target.name,
        requester,
        approvers,
        people,
        homeTeam: this.#homeTeam,
        needed: target.approvals,
      });
      const next = unasked.splice(0, lookupsAtOnce);
      if (verdict.allowed || next.length === 0) return verdict;
      for (const [id, answer] of await Promise.all(
        next.map(async id => [id, await this.#directory.person(id)] as const),
      )) {
        people.set(id, answer);
      }
    }
  }

  async #deciding(from: Whereabouts, target: AccessRules, requester: string) {
    const fresh = { fresh: true };
    const [asking, approvers] = await Promise.all([
      this.#asking(from, fresh),
      this.#directory.members(target.approvers, fresh),
    ]);
    return { ...asking, requester, approvers };
  }

  async #asking(from: Whereabouts, options: LookupOptions) {
    const [person, channel] = await Promise.all([
      this.#directory.person(from.user, options),
      this.#directory.channel(from.channel, options),
    ]);
    return { person, channel, homeTeam: this.#homeTeam, sentFrom: from.team };
  }
}
