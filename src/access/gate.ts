/** Asks Slack what the rules need to know, and applies them. The one road from an envelope to a yes or a no. */
import type { Directory, LookupOptions } from './directory.ts';
import type { Known, Verdict } from './known.ts';
import { fullMember, type Person } from './person.ts';
import {
  type AskingRules,
  approverCandidates,
  couldAnybodyApprove,
  mayApprove,
  mayAsk,
  mayBreakGlass,
  mayDeny,
  type Risk,
} from './rules.ts';

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
  /** Who may read; `undefined` is every full member. Operators and approvers always may. */
  readonly viewers: readonly string[] | undefined;
  readonly operators: readonly string[] | undefined;
  /** Approvals that an action needs, by command; `default` for those not named. */
  readonly approvals: Approvals;
  /** Whether approvers do not count who share a user group with the requester. */
  readonly approversFromOtherGroups: boolean;
  /** Whether an operator may run a waiting action alone. */
  readonly breakGlass: boolean;
}

export type Approvals = Readonly<Record<string, number>> & { readonly default: number };

/** How many approvals a command needs on a target. */
export function approvalsFor(approvals: Approvals, command: string): number {
  return (Object.hasOwn(approvals, command) ? approvals[command] : undefined) ?? approvals.default;
}

/** People who may approve, for those who are to know whom to ask. */
export interface PossibleApprovers {
  readonly people: readonly Pick<Person, 'id' | 'name'>[];
  /** How many more were not looked up. */
  readonly more: number;
  /** Whether Slack answered every question about who they are. */
  readonly complete: boolean;
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
    const { viewers, operators, approvers, approvalChannel } = target;
    const readers = viewers && [...viewers, ...(operators ?? []), ...approvers];
    const membersOf = (ids: readonly string[] | undefined) => ids && this.#directory.members(ids, options);
    const [asking, reading, operating, cardsIn] = await Promise.all([
      this.#asking(from, options),
      membersOf(readers),
      command.risk === 'read' ? undefined : membersOf(operators),
      command.needsApproval && approvalChannel !== undefined
        ? this.#directory.channel(approvalChannel, options)
        : undefined,
    ]);
    return mayAsk({ ...asking, ...command, target, readers: reading, operators: operating, cardsIn });
  }

  /** Whether this click may approve. Always asks Slack afresh. */
  async mayApprove(from: Whereabouts, target: AccessRules, requester: string): Promise<Verdict> {
    return mayApprove(await this.#deciding(from, target, requester));
  }

  /** Whether this click may deny. Always asks Slack afresh. */
  async mayDeny(from: Whereabouts, target: AccessRules, requester: string): Promise<Verdict> {
    return mayDeny(await this.#deciding(from, target, requester));
  }

  /** Whether this person may run a waiting action alone. Always asks Slack afresh. */
  async mayBreakGlass(from: Whereabouts, target: AccessRules): Promise<Verdict> {
    const fresh = { fresh: true };
    const [asking, operators] = await Promise.all([
      this.#asking(from, fresh),
      target.operators && this.#directory.members(target.operators, fresh),
    ]);
    return mayBreakGlass({ ...asking, target: target.name, enabled: target.breakGlass, operators });
  }

  /**
   * Who could approve a request of this person: full members alone.
   * @param most how many are looked up; the others are counted.
   */
  async possibleApprovers(requester: string, target: AccessRules, most: number): Promise<PossibleApprovers> {
    const approvers = await this.#directory.members(target.approvers);
    const rules = { requester, approvers, otherGroups: target.approversFromOtherGroups };
    return this.#fullMembers(approverCandidates(rules), most);
  }

  /** All approvers of a target, full members alone, the person left out who is the reason for asking. */
  async approversBut(person: string, target: AccessRules): Promise<PossibleApprovers> {
    const approvers = await this.#directory.members(target.approvers, { fresh: true });
    const others = [...approvers.people].filter(id => id !== person);
    const found = await this.#fullMembers(others, others.length);
    return { ...found, complete: found.complete && approvers.unanswered.length === 0 };
  }

  async #fullMembers(ids: readonly string[], most: number): Promise<PossibleApprovers> {
    const people: Person[] = [];
    const unasked = [...ids];
    let complete = true;
    while (unasked.length > 0 && people.length < most) {
      const next = unasked.splice(0, Math.min(lookupsAtOnce, most - people.length));
      for (const answer of await Promise.all(next.map(id => this.#directory.person(id)))) {
        const member = fullMember(answer, this.#homeTeam);
        if (member.allowed) people.push(member.value);
        complete &&= answer.state !== 'unanswered';
      }
    }
    return { people, more: unasked.length, complete };
  }

  /**
   * Whether a request of this person on this target could ever be approved. Asks Slack about the approvers a few at a
   * time and stops when there are enough: a user group can have hundreds of members.
   */
  async couldAnybodyApprove(requester: string, target: AccessRules, command: string): Promise<Verdict> {
    const approvers = await this.#directory.members(target.approvers);
    const otherGroups = target.approversFromOtherGroups;
    const unasked = approverCandidates({ requester, approvers, otherGroups });
    const people = new Map<string, Known<Person>>();
    for (;;) {
      const verdict = couldAnybodyApprove({
        target: target.name,
        requester,
        approvers,
        people,
        homeTeam: this.#homeTeam,
        needed: approvalsFor(target.approvals, command),
        otherGroups,
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
    return { ...asking, requester, approvers, otherGroups: target.approversFromOtherGroups };
  }

  async #asking(from: Whereabouts, options: LookupOptions) {
    const [person, channel] = await Promise.all([
      this.#directory.person(from.user, options),
      this.#directory.channel(from.channel, options),
    ]);
    return { person, channel, homeTeam: this.#homeTeam, sentFrom: from.team };
  }
}
