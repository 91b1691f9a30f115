/** Faults that somebody could plant in src/ by a small change, each of which the simulation must find. */

interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface Fault {
  readonly name: string;
  readonly edits: readonly Edit[];
}

const ledger = 'src/actions/ledger.ts';
const rows = 'src/actions/ledger-rows.ts';
const notices = 'src/actions/ledger-notices.ts';
const sharing = 'src/actions/ledger-sharing.ts';
const decide = 'src/actions/decide.ts';

export const faults: readonly Fault[] = [
  {
    name: 'the compare-and-set is dropped: an action moves from any state',
    edits: [
      {
        file: rows,
        from: "      .where('id', '=', id)\n      .where('state', '=', from)\n",
        to: "      .where('id', '=', id)\n",
      },
    ],
  },
  {
    name: 'an approval counts though the action no longer waits',
    edits: [
      {
        file: ledger,
        from: "            .where('state', '=', 'waiting')\n            .where('expires_at', '>', now)\n",
        to: "            .where('expires_at', '>', now)\n",
      },
    ],
  },
  {
    name: 'requesters may approve their own',
    edits: [
      { file: ledger, from: "            .where('requester', '<>', person.id),\n", to: '' },
      {
        file: 'src/access/rules.ts',
        from: "  if (present.value.person.id === request.requester) {\n    return refused(\n      'You asked",
        to: "  if (present.value.person.id === '') {\n    return refused(\n      'You asked",
      },
    ],
  },
  {
    name: 'an approval after the expiry counts',
    edits: [{ file: ledger, from: "            .where('expires_at', '>', now)\n", to: '' }],
  },
  {
    name: 'one approval fewer is enough',
    edits: [
      {
        file: ledger,
        from: 'if (Number(approvals) < action.approvals_needed) return',
        to: 'if (Number(approvals) + 1 < action.approvals_needed) return',
      },
    ],
  },
  {
    name: 'who may approve is remembered instead of asked afresh',
    edits: [
      {
        file: 'src/access/gate.ts',
        from: 'async #deciding(from: Whereabouts, target: AccessRules, requester: string) {\n    const fresh = { fresh: true };',
        to: 'async #deciding(from: Whereabouts, target: AccessRules, requester: string) {\n    const fresh = {};',
      },
    ],
  },
  {
    name: 'another plan runs than the approved one',
    edits: [
      {
        file: decide,
        from: 'return form.run(action.plan, context.services, execution);',
        to: 'return form.run(JSON.stringify(await form.plan(JSON.parse(action.arguments), context.services.read(execution))), context.services, execution);',
      },
    ],
  },
  {
    name: 'the end is recorded in a transaction after that of the state',
    edits: [
      {
        file: ledger,
        from: "return this.move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, ending, {\n        outcome,\n        milliseconds: now - (running.started_at ?? now),\n      });\n    });",
        to: "return this.move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, undefined, {});\n    }).then(async ended => {\n      if (ended) await this.transaction(transaction => this.append(transaction, ended, ending, { outcome }));\n      return ended;\n    });",
      },
    ],
  },
  {
    name: 'an interruption does not ask whether the process lives',
    edits: [
      {
        file: sharing,
        from: "      .where('state', 'in', ['asked', 'running'])\n      .where(this.#leftBehind(sole, asOf))\n",
        to: "      .where('state', 'in', ['asked', 'running'])\n      .where('holder', '<>', this.holder)\n      .$if(!sole, query => query)\n",
      },
    ],
  },
  {
    name: 'what died while it was planned stays asked',
    edits: [
      {
        file: sharing,
        from: "      .where('state', 'in', ['asked', 'running'])\n      .where(this.#leftBehind(sole, asOf))\n",
        to: "      .where('state', '=', 'running')\n      .where(this.#leftBehind(sole, asOf))\n",
      },
    ],
  },
  {
    name: 'the recovery runs again what was running',
    edits: [
      {
        file: 'src/actions/recover.ts',
        from: "'interrupted: the bot stopped while it ran',\n    );\n",
        to: "'interrupted: the bot stopped while it ran',\n    );\n    const form = approvable(context.commands.find(command => command.name === action.command)!);\n    const execution = { action, signal: new AbortController().signal, progress: () => {} };\n    if (form && action.plan) await form.run(action.plan, context.services, execution).catch(() => undefined);\n",
      },
    ],
  },
  {
    name: 'the courier does not look before it repeats',
    edits: [
      {
        file: 'src/audit/courier.ts',
        from: 'parcel.attempted ? await this.#lookFor(parcel) : { ts: undefined }',
        to: '{ ts: undefined as string | undefined }',
      },
    ],
  },
  {
    name: 'the courier repeats what may still arrive',
    edits: [
      {
        file: 'src/audit/courier.ts',
        from: 'if (parcel.attempted && !this.#ended.has(parcel.id) && under > 0) return under;',
        to: 'if (under < 0) return this.#send(parcel);',
      },
    ],
  },
  {
    name: 'the courier carries the newest event first',
    edits: [
      {
        file: 'src/audit/outbox.ts',
        from: "      .orderBy('d.event_seq')\n      .limit(100)",
        to: "      .orderBy('d.event_seq', 'desc')\n      .limit(100)",
      },
    ],
  },
  {
    name: 'any process carries the record, lease or not',
    edits: [
      {
        file: 'src/audit/courier.ts',
        from: 'if (!(await outbox.hold(now()))) return lookEvery;',
        to: 'await outbox.hold(now());',
      },
      {
        file: 'src/audit/courier.ts',
        from: 'if (!(await outbox.attempt(parcel, now()))) return 0;',
        to: 'await outbox.attempt(parcel, now());',
      },
      { file: 'src/audit/courier.ts', from: 'if (!outbox.mayStillSend(now())) return 0;', to: '' },
    ],
  },
  {
    name: 'the requester counts as told before the end is shown',
    edits: [
      {
        file: 'src/actions/perform.ts',
        from: '      const stands = await tryToShowEnd(',
        to: '      await context.ledger.told(ended.id);\n      const stands = await tryToShowEnd(',
      },
    ],
  },
  {
    name: 'a whisper that Slack did not take counts as heard',
    edits: [
      {
        file: 'src/actions/ask.ts',
        from: '  if (told) await context.ledger.told(action.id);\n}',
        to: '  await context.ledger.told(action.id);\n  return void told;\n}',
      },
    ],
  },
  {
    name: 'nothing expires',
    edits: [
      {
        file: 'src/actions/recover.ts',
        from: 'for (const overdue of await context.ledger.overdue(asOf)) {',
        to: 'for (const overdue of (await context.ledger.overdue(asOf)).slice(1)) {',
      },
    ],
  },
  {
    name: 'an earlier approval counts though its giver lost the right',
    edits: [{ file: decide, from: '    await dropStaleApprovals(context, action, target.access);\n', to: '' }],
  },
  {
    name: 'a dropped approval is not recorded',
    edits: [
      {
        file: ledger,
        from: "      await this.append(transaction, action, 'approval_dropped', { by: person.id, name: person.name, why });\n",
        to: '',
      },
    ],
  },
  {
    name: 'nobody looks whether the requester may still ask',
    edits: [
      {
        file: decide,
        from: '    if (await lostRights(context, action)) return;\n    await dropStale',
        to: '    await dropStale',
      },
    ],
  },
  {
    name: 'anybody may withdraw',
    edits: [
      {
        file: decide,
        from: "  if (!verdict.allowed) throw new UserError(verdict.why);\n  await turnDown(context, action, deciding, 'cancelled');",
        to: "  await turnDown(context, verdict ? action : action, deciding, 'cancelled');",
      },
    ],
  },
  {
    name: 'anybody may stop what runs',
    edits: [
      {
        file: decide,
        from: "    if (!verdict.allowed) throw new UserError(verdict.why);\n    if (action.state !== 'running')",
        to: "    if (!verdict) return;\n    if (action.state !== 'running')",
      },
    ],
  },
  {
    name: 'the start leaves no event',
    edits: [
      {
        file: ledger,
        from: "await this.move(transaction, id, 'waiting', this.running(), 'started', planOf(action));",
        to: "await this.move(transaction, id, 'waiting', this.running(), undefined, {});",
      },
    ],
  },
  {
    name: 'the glass is broken without the id',
    edits: [{ file: ledger, from: "        .where('id', '=', typedId ?? -1)\n", to: '' }],
  },
  {
    name: 'the glass is broken without a reason',
    edits: [
      {
        file: ledger,
        from: "      if (Array.from(reason.trim()).length < shortestReason) return { is: 'no reason', action: waiting };\n",
        to: '',
      },
    ],
  },
  {
    name: 'the glass is broken of what was decided',
    edits: [
      {
        file: ledger,
        from: "        .where('id', '=', typedId ?? -1)\n        .where('state', '=', 'waiting')\n",
        to: "        .where('id', '=', typedId ?? -1)\n",
      },
    ],
  },
  {
    name: 'anybody may break the glass',
    edits: [
      {
        file: 'src/actions/break-glass.ts',
        from: '    if (!verdict.allowed) {\n      await context.ledger.noteRefusal(action.id, person, verdict.why);',
        to: '    if (!verdict.allowed && !context.gate) {\n      await context.ledger.noteRefusal(action.id, person, verdict.why);',
      },
    ],
  },
  {
    name: 'a broken glass is not recorded',
    edits: [{ file: ledger, from: "      await this.append(transaction, started, 'broke_glass', body);\n", to: '' }],
  },
  {
    name: 'approvers who did not hear of a broken glass are not told again',
    edits: [
      {
        file: 'src/actions/break-glass.ts',
        from: 'if (complete && told.every(Boolean)) await',
        to: 'if (complete || told) await',
      },
    ],
  },
  {
    name: 'a reminder is due for each process',
    edits: [
      {
        file: notices,
        from: "      .where('reminded', '=', reminded)\n      .where('reminded', '<', thirds)\n",
        to: '',
      },
    ],
  },
  {
    name: 'a process does not say that it lives',
    edits: [
      {
        file: sharing,
        from: '      .set({ lease_until: this.now() + this.lease })\n',
        to: "      .set(eb => ({ lease_until: eb.ref('lease_until') }))\n",
      },
    ],
  },
  {
    name: 'an end that Slack did not take is not told again',
    edits: [
      {
        file: 'src/actions/recover.ts',
        from: 'await context.ledger.untold(asOf - firstRetry)',
        to: '(await context.ledger.untold(asOf - firstRetry)).slice(0, 0)',
      },
    ],
  },
];
