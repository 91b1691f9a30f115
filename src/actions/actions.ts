import { note } from '../../blocks/frame.ts';
import { type Asking, ask } from './ask.ts';
import { type Breaking, breakGlass, type GlassBreaking, prepareBreakGlass } from './break-glass.ts';
import { beginByItself, type Duty } from './by-itself.ts';
import { type Context, type Place, spoken, unspoken } from './context.ts';
import { approve, cancel, type Deciding, type Denial, deny, prepareDenial, withdraw } from './decide.ts';
import type { Begun } from './ledger-types.ts';
import { recover, stayAlive, sweep } from './recover.ts';

/** The life of an action, as the Slack side and the clock drive it. No method throws. */
export class Actions {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  ask(asking: Asking): Promise<void> {
    return this.#context.jobs.track(ask(this.#context, asking));
  }

  /** Starts what is due by itself; resolves when it runs, not when it has ended. @throws when it cannot be started. */
  beginByItself(duty: Duty): Promise<Begun | { readonly is: 'closing' }> {
    return beginByItself(this.#context, duty);
  }

  approve(deciding: Deciding): Promise<void> {
    return this.#context.jobs.track(approve(this.#context, deciding));
  }

  deny(deciding: Deciding): Promise<void> {
    return this.#context.jobs.track(deny(this.#context, deciding));
  }

  withdraw(deciding: Deciding): Promise<void> {
    return this.#context.jobs.track(withdraw(this.#context, deciding));
  }

  cancel(deciding: Deciding): Promise<void> {
    return this.#context.jobs.track(cancel(this.#context, deciding));
  }

  prepareDenial(deciding: Deciding): Promise<Denial> {
    return prepareDenial(this.#context, deciding);
  }

  breakGlass(deciding: Deciding, breaking: Breaking): Promise<void> {
    return this.#context.jobs.track(breakGlass(this.#context, deciding, breaking));
  }

  prepareBreakGlass(deciding: Deciding): Promise<GlassBreaking> {
    return prepareBreakGlass(this.#context, deciding);
  }

  async tell(deciding: Deciding, text: string): Promise<void> {
    await this.#context.stage.whisper(deciding.place, deciding.from.user, note(text));
  }

  /** Asks the same read again, as the person who clicked, and shows the answer in the same message. */
  async again(deciding: Deciding, origin: string, place: Place): Promise<void> {
    const id = unspoken(deciding.spokenId);
    const before = id === undefined ? undefined : await this.#context.ledger.find(id);
    if (before?.risk !== 'read') {
      await this.tell(deciding, 'This cannot be refreshed. Type it again.');
      return;
    }
    const { from } = deciding;
    await this.ask({ origin, from: { ...from, team: from.team ?? before.team }, place, line: before.typed });
  }

  /**
   * Turns a page of a read: asks it again as the person who clicked, for what is older than an action, and shows that
   * in the same message. The button's value names both, the read and the action: `A-1042 A-1001`.
   */
  async older(deciding: Deciding, origin: string, place: Place): Promise<void> {
    const [asked = '', last = ''] = deciding.spokenId.split(' ');
    const [id, before] = [unspoken(asked), unspoken(last)];
    const page = id === undefined ? undefined : await this.#context.ledger.find(id);
    if (page?.risk !== 'read' || before === undefined) {
      await this.tell(deciding, 'This page cannot be turned any more. Type it again.');
      return;
    }
    const { from } = deciding;
    const line = `${page.typed.replace(/\s+(--|[—–])before(\s+|=)\S+/i, '')} --before ${spoken(before)}`;
    await this.ask({ origin, from: { ...from, team: from.team ?? page.team }, place, line });
  }

  /**
   * Takes a step that an answer offers: asks for a command on the target of its action, just as if the person who
   * clicked had typed it. The button's value names the action and the command: `A-1042 kill 4711`.
   */
  async next(deciding: Deciding, origin: string): Promise<void> {
    const [, spokenId = '', line] = /^(\S+) (\S.*)$/s.exec(deciding.spokenId) ?? [];
    const id = unspoken(spokenId);
    const answered = id === undefined ? undefined : await this.#context.ledger.find(id);
    if (!answered || !(answered.risk === 'read' || answered.state === 'succeeded') || line === undefined) {
      await this.tell(deciding, 'This step is no longer offered. Type the command instead.');
      return;
    }
    const { from, place } = deciding;
    await this.ask({
      origin,
      from: { ...from, team: from.team ?? answered.team },
      place,
      line: `${line} --on ${answered.target}`,
    });
  }

  recover(): Promise<void> {
    return this.#context.jobs.track(recover(this.#context));
  }

  stayAlive(): Promise<void> {
    return stayAlive(this.#context);
  }

  sweep(mayRetell: () => Promise<boolean> = async () => true, asOf: number = this.#context.now()): Promise<void> {
    return this.#context.jobs.track(sweep(this.#context, mayRetell, asOf));
  }
}
