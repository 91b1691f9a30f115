/**
 * Who may ask and who may decide, as pure functions over what Slack said. The order of the rules is the order in which
 * a person should hear of them: membership, then the channel, then the person's part.
 */
import { type Channel, internalChannel } from './channel.ts';
import { allowed, type Granted, type Known, type Refusal, refused, unanswered, type Verdict } from './known.ts';
import { type Members, nameGroups } from './members.ts';
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
 * @param operators who may do more than read; `undefined` is every full member.
 * @param needsApproval whether a card will be posted for others to decide.
 */
export function mayAsk(
  request: Asking & {
    readonly target: AskingRules;
    readonly risk: Risk;
    readonly needsApproval: boolean;
    readonly operators: Members | undefined;
  },
): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  const { person, channel } = present.value;
  const { target, risk, operators } = request;
  if (target.channels !== undefined && !target.channels.includes(channel.id)) {
    return refused(`${target.name} is not used from here, only from ${listChannels(target.channels)}.`);
  }
  if (risk !== 'read' && operators !== undefined) {
    const operator = isOneOf(person.id, operators, {
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
  return allowed;
}

/** Whether the person may approve. Nobody is exempt from the second person, whatever their role. */
export function mayApprove(request: Asking & { readonly requester: string; readonly approvers: Members }): Verdict {
  const present = presence(request);
  if (!present.allowed) return present;
  if (present.value.person.id === request.requester) {
    return refused(
      'You asked for this yourself, so someone else has to approve it. Nobody is exempt. You can withdraw it with Deny.',
    );
  }
  return isApprover(present.value.person, request.approvers);
}

/** Whether the person may deny: an approver, or the requester, whose denial withdraws the request. */
export function mayDeny(request: Asking & { readonly requester: string; readonly approvers: Members }): Verdict {
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
}): Verdict {
  const { target, approvers, needed } = request;
  const others = [...approvers.people].filter(id => id !== request.requester);
  const known = others.map(id => request.people.get(id) ?? { state: 'missing' as const });
  const able = known.filter(person => fullMember(person, request.homeTeam).allowed).length;
  if (able >= needed) return allowed;
  if (approvers.unanswered.length > 0 || known.some(person => person.state === 'unanswered')) {
    return unanswered(
      'Slack did not say who may approve this, so nothing was decided and nothing was asked. Please try again in a moment.',
    );
  }
  const change = 'Please add people or a user group to "approvers" in the configuration, or to APPROVERS.';
  if (approvers.people.size === 0) return refused(`Nobody may approve on ${target}: it has no approvers. ${change}`);
  return refused(
    `${target} asks for ${needed} approval${needed === 1 ? '' : 's'}, and without you ${able === 0 ? 'nobody is' : `only ${able} of its approvers ${able === 1 ? 'is' : 'are'}`} left to give ${needed === 1 ? 'it' : 'them'}. ${change}`,
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

function isApprover(person: Person, approvers: Members): Verdict {
  return isOneOf(person.id, approvers, {
    part: 'an approver',
    otherwise:
      'You are not an approver of this target, so your click changed nothing. Please ask one of its approvers.',
  });
}

function isOneOf(id: string, members: Members, words: { part: string; otherwise: string }): Verdict {
  if (members.people.has(id)) return allowed;
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
