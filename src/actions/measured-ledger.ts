import type { Ended } from '../health/metrics.ts';
import { Ledger } from './ledger.ts';
import type { Action, Ending, LedgerOptions } from './ledger-types.ts';

/** The ledger, telling of each action that this process ended. */
export class MeasuredLedger extends Ledger {
  readonly #ended: (ended: Ended) => void;

  constructor(options: LedgerOptions, ended: (ended: Ended) => void) {
    super(options);
    this.#ended = ended;
  }

  override async finish(id: number, ending: Ending, outcome: string): Promise<Action | undefined> {
    return this.#tell(await super.finish(id, ending, outcome));
  }

  override async turnDown(...how: Parameters<Ledger['turnDown']>): Promise<Action | undefined> {
    return this.#tell(await super.turnDown(...how));
  }

  override async abandon(...how: Parameters<Ledger['abandon']>): Promise<Action | undefined> {
    return this.#tell(await super.abandon(...how));
  }

  override async interrupt(...how: Parameters<Ledger['interrupt']>): Promise<Action[]> {
    const left = await super.interrupt(...how);
    for (const { command } of left) this.#ended({ command, outcome: 'interrupted', seconds: undefined });
    return left;
  }

  #tell(action: Action | undefined): Action | undefined {
    if (action) {
      const { command, state, started_at, finished_at } = action;
      const ran = started_at !== null && finished_at !== null;
      this.#ended({ command, outcome: state, seconds: ran ? (finished_at - started_at) / 1_000 : undefined });
    }
    return action;
  }
}
