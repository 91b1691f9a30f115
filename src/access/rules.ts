/**
 * Who may ask and who may decide, as pure functions over what Slack said. The order of the rules is the order in which
 * a person should hear of them: membership, then the channel, then the person's part.
 */
import { type Channel, internalChannel } from './channel.ts';
import { allowed, type Granted, type Known, type Refusal, refused, unanswered, type Verdict } from './known.ts';
import { type Members, nameGroups, sharedGroups } from './members.ts';
import { fullMember, type Person } from './person.ts';

/** Someone who typed or clicked, and where. */
export interface Asking {
  readonly person: Known<Person>;
  readonly channel: Known<Channel>;
  /** The workspace the bot is installed in. */
  readonly homeTeam: string;
  /** The workspace that the envelope gives for the person, where it gives one. */
  readonly sentFrom?: string;
}

/** The part of a target's settings that says who may ask. */
export interface AskingRules {
  readonly name: string;
  /** Ids of allowed channels; `undefined` allows every internal channel and direct messages. */
  readonly channels: readonly string[] | undefined;
  /** Where cards go; `undefined` is the channel of the command. */
  readonly approvalChannel: string | undefined;
}

export type Risk = 'read' | 'routine' | 'destructive';

/**
 * Whether the person may use a command of this risk on this target from this channel.
 * @param readers who may read; `undefined` is every full member.
 * @param operators who may do more than read; `undefined` is everyone who may read.
 * @param needsApproval whether a card will be posted for others to decide.
 * @param cardsIn the approval channel, where one is set and a card will be posted.
 */
export function mayAsk(
  request: Asking & {
    readonly target: AskingRules;
    readonly risk: Risk;
    readonly needsApproval: boolean;
    readonly readers: Members | undefined;
    readonly operators: Members | undefined;
    readonly cardsIn?: Known<Channel> | undefined;
  },
): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  const { person, channel } = present.value;
  const { target, risk, readers, operators, cardsIn } = request;
  if (target.channels !== undefined && !target.channels.includes(channel.id)) {
    return refused(`${target.name} is not used from here, only from ${listChannels(target.channels)}.`);
  }
  if (readers !== undefined) {
    const reader = isOneOf(person.id, channel.id, readers, {
      part: 'one of its viewers',
      otherwise: `${target.name} is not open to you: only its viewers, operators and approvers may read it. Please ask one of them, or have your id added to "viewers" in the configuration.`,
    });
    if (!reader.allowed) return reader;
  }
  if (risk !== 'read' && operators !== undefined) {
    const operator = isOneOf(person.id, channel.id, operators, {
      part: 'an operator',
      otherwise: `You may read ${target.name}, but only its operators may run this command. Please ask one of them, or have your id added to "operators" in the configuration.`,
    });
    if (!operator.allowed) return operator;
  }
  if (request.needsApproval && channel.direct && target.approvalChannel === undefined) {
    return refused(
      'This needs the approval of a second person, and nobody else could see it here. Please ask in a channel, or set "approval_channel" in the configuration.',
    );
  }
  if (cardsIn !== undefined) {
    const internal = internalChannel(cardsIn);
    if (!internal.allowed)
      return { ...internal, why: `About the channel for approvals, ${target.approvalChannel}: ${internal.why}` };
  }
  return allowed;
}

/** A decision on a request, and who may take it. */
export interface DecidingRules {
  readonly requester: string;
  readonly approvers: Members;
  /** Whether approvers do not count who share a user group with the requester. */
  readonly otherGroups: boolean;
}

/** Whether the person may approve. Nobody is exempt from the second person, whatever their role. */
export function mayApprove(request: Asking & DecidingRules): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  if (present.value.person.id === request.requester) {
    return refused(
      'You asked for this yourself, so someone else has to approve it. Nobody is exempt. You can withdraw it with Deny.',
    );
  }
  const approver = isApprover(present.value.person, request.approvers);
  return approver.allowed && request.otherGroups ? isOfOtherGroup(present.value.person, request) : approver;
}

/**
 * Whether an approver shares no user group with the requester. A group that Slack gives no answer about may be shared,
 * so it means no.
 */
function isOfOtherGroup({ id }: Person, { requester, approvers }: DecidingRules): Verdict {
  const shared = sharedGroups(approvers, id, requester);
  if (shared.length > 0) {
    return refused(
      `You are in ${nameGroups(shared)} like the requester, and here someone of another group has to approve. Your click changed nothing.`,
    );
  }
  if (approvers.unanswered.length > 0) {
    return unanswered(
      `Slack did not answer who is in ${nameGroups(approvers.unanswered)}, so I cannot tell whether the requester is in a group of yours. Nothing was decided; please try again in a moment.`,
    );
  }
  return allowed;
}

/**
 * Whether the person may run a waiting action without a second person: an operator, where the target allows it at all.
 * Where no operators are set, nobody: every full member would be one.
 */
export function mayBreakGlass(
  request: Asking & { readonly target: string; readonly enabled: boolean; readonly operators: Members | undefined },
): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  const { target, enabled, operators } = request;
  if (!enabled || operators === undefined) {
    return refused(`Nothing on ${target} runs without a second person: "break_glass" is off. Nothing was done.`);
  }
  const { person, channel } = present.value;
  return isOneOf(person.id, channel.id, operators, {
    part: 'an operator',
    otherwise: `Only operators of ${target} may run something alone, and you are none. Nothing was done; please ask one of them, or an approver.`,
  });
}

/** Whether the person may deny: an approver, or the requester, whose denial withdraws the request. */
export function mayDeny(request: Asking & Pick<DecidingRules, 'requester' | 'approvers'>): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  return present.value.person.id === request.requester ? allowed : isApprover(present.value.person, request.approvers);
}

/**
 * Whether a request could ever be approved; asked before it is made, so that none waits in vain.
 * @param people what Slack says of the approvers; those it does not name, guests and deleted accounts count for nobody.
 * @param needed how many approvals the target asks for.
 */
export function couldAnybodyApprove(request: {
  readonly target: string;
  readonly requester: string;
  readonly approvers: Members;
  readonly people: ReadonlyMap<string, Known<Person>>;
  readonly homeTeam: string;
  readonly needed: number;
  readonly otherGroups: boolean;
}): Verdict {
  const { target, approvers, needed, otherGroups } = request;
  const candidates = approverCandidates(request);
  const known = candidates.map(id => request.people.get(id) ?? { state: 'missing' as const });
  const able = known.filter(person => fullMember(person, request.homeTeam).allowed).length;
  const uncertain = otherGroups && approvers.unanswered.length > 0;
  if (able >= needed && !uncertain) return allowed;
  if (approvers.unanswered.length > 0 || known.some(person => person.state === 'unanswered')) {
    return unanswered(
      'Slack did not say who may approve this, so nothing was decided and nothing was asked. Please try again in a moment.',
    );
  }
  const barred = [...approvers.groups].filter(([, people]) => otherGroups && people.has(request.requester));
  const without =
    barred.length > 0
      ? `without you and ${nameGroups(barred.map(([group]) => group))}, which you are in,`
      : 'without you';
  const change =
    barred.length > 0
      ? 'Please add people or a user group of others to "approvers" in the configuration.'
      : 'Please add people or a user group to "approvers" in the configuration, or to APPROVERS.';
  if (approvers.people.size === 0) return refused(`Nobody may approve on ${target}: it has no approvers. ${change}`);
  return refused(
    `${target} asks for ${needed} approval${needed === 1 ? '' : 's'}, and ${without} ${able === 0 ? 'nobody is' : `only ${able} of its approvers ${able === 1 ? 'is' : 'are'}`} left to give ${needed === 1 ? 'it' : 'them'}. ${change}`,
  );
}

/** A full member of this workspace, in a channel that no other organization reads. */
function presence(asking: Asking): Granted<{ readonly person: Person; readonly channel: Channel }> | Refusal {
  const person = fullMember(asking.person, asking.homeTeam, asking.sentFrom);
  if (!person.allowed) return person;
  const channel = internalChannel(asking.channel);
  if (!channel.allowed) return channel;
  return { allowed: true, value: { person: person.value, channel: channel.value } };
}

/** The ids that could approve this requester's action, whoever they turn out to be. */
export function approverCandidates({ requester, approvers, otherGroups }: DecidingRules): string[] {
  return [...approvers.people].filter(
    id => id !== requester && !(otherGroups && sharedGroups(approvers, id, requester).length > 0),
  );
}

/** No channel makes anybody an approver. */
function isApprover(person: Person, approvers: Members): Verdict {
  return isOneOf(person.id, undefined, approvers, {
    part: 'an approver',
    otherwise:
      'You are not an approver of this target, so your click changed nothing. Please ask one of its approvers.',
  });
}

/** @param channel where the person types or clicks; whoever does so in one of the members' channels is one of them. */
function isOneOf(
  id: string,
  channel: string | undefined,
  members: Members,
  words: { part: string; otherwise: string },
): Verdict {
  if (members.people.has(id)) return allowed;
  if (channel !== undefined && members.channels.has(channel)) return allowed;
  if (members.unanswered.length > 0) {
    return unanswered(
      `Slack did not answer who is in ${nameGroups(members.unanswered)}, so I cannot tell whether you are ${words.part}. Nothing was decided; please try again in a moment.`,
    );
  }
  return refused(words.otherwise);
}

function listChannels(ids: readonly string[]): string {
  return ids.length === 0 ? 'no channel at all ("channels" is empty)' : ids.join(', ');
}
