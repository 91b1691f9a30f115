import type { FetchFunction } from '@slack/web-api';
import { Agent, DecoratorHandler, type Dispatcher, fetch } from 'undici';

/**
 * Asks once more in the moment in which a request goes out, after its connection stands and before its first byte: a
 * process that was stopped in between must not send what another one has sent since.
 */
export class SendGate {
  /** Whether a request may go out now; every one may unless told. */
  mayGo: () => boolean = () => true;
  readonly #agent = new Agent().compose(
    dispatch => (options, handler) => dispatch(options, new GatedHandler(handler, this)),
  );

  /** For a WebClient that uploads no files. @throws as fetch does, also for a request that was held back. */
  readonly fetch: FetchFunction = (url, { body, ...init } = {}) =>
    fetch(url, { ...init, ...(typeof body === 'string' && { body }), dispatcher: this.#agent });
}

/** https://undici.nodejs.org/#/docs/api/Dispatcher.md: onRequestStart comes before the request is written. */
class GatedHandler extends DecoratorHandler {
  readonly #gate: SendGate;

  constructor(handler: Dispatcher.DispatchHandler, gate: SendGate) {
    super(handler);
    this.#gate = gate;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    // DecoratorHandler has the method, its type does not.
    const passOn = Reflect.get(DecoratorHandler.prototype, 'onRequestStart') as (...all: unknown[]) => void;
    passOn.call(this, controller, context);
    if (!this.#gate.mayGo()) controller.abort(new Error('it was held back: its time was over before it could go out'));
  }
}
