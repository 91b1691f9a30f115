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

export const faults: readonly Fault[] = [
  {
    name: 'the compare-and-set is dropped: an action moves from any state',
    edits: [
      {
        file: ledger,
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
        file: 'src/actions/decide.ts',
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
        from: "return this.#move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, ending, {\n        outcome,\n        milliseconds: now - (running.started_at ?? now),\n      });\n    });",
        to: "return this.#move(transaction, id, 'running', { state: ending, finished_at: now, outcome }, undefined, {});\n    }).then(async ended => {\n      if (ended) await this.#transaction(transaction => this.#append(transaction, ended, ending, { outcome }));\n      return ended;\n    });",
      },
    ],
  },
  {
    name: 'an interruption does not ask whether the process lives',
    edits: [
      {
        file: ledger,
        from: "      .where('state', 'in', ['asked', 'running'])\n      .where(this.#leftBehind(sole))\n",
        to: "      .where('state', 'in', ['asked', 'running'])\n      .where('holder', '<>', this.#holder)\n      .$if(!sole, query => query)\n",
      },
    ],
  },
  {
    name: 'what died while it was planned stays asked',
    edits: [
      {
        file: ledger,
        from: "      .where('state', 'in', ['asked', 'running'])\n      .where(this.#leftBehind(sole))\n",
        to: "      .where('state', '=', 'running')\n      .where(this.#leftBehind(sole))\n",
      },
    ],
  },
  {
    name: 'the recovery runs again what was running',
    edits: [
      {
        file: 'src/actions/recover.ts',
        from: '    const interrupted = await context.ledger.find(action.id);\n',
        to: '    const interrupted = await context.ledger.find(action.id);\n    const form = approvable(context.commands.find(command => command.name === action.command)!);\n    const execution = { action, signal: new AbortController().signal, progress: () => {} };\n    if (form && action.plan) await form.run(action.plan, context.services, execution).catch(() => undefined);\n',
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
        from: "      .orderBy('e.seq')\n      .limit(100)",
        to: "      .orderBy('e.seq', 'desc')\n      .limit(100)",
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
        from: '  try {\n    let shown = place;\n',
        to: '  try {\n    await context.ledger.told(ended.id);\n    let shown = place;\n',
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
        from: 'for (const overdue of await context.ledger.overdue()) {',
        to: 'for (const overdue of (await context.ledger.overdue()).slice(1)) {',
      },
    ],
  },
];
