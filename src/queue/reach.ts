/** Whether Redis is reachable. An outage ends all connections, so it is reported once, and so is its end. */

export interface ReachHooks {
  /** The first connection was lost, or could not be made; each connection retries until it succeeds. */
  readonly onLost: (error: Error) => void;
  /** All connections work again. */
  readonly onBack: () => void;
}

export class Reach {
  readonly #hooks: ReachHooks;
  readonly #lost = new Set<string>();

  constructor(hooks: ReachHooks) {
    this.#hooks = hooks;
  }

  /** The hooks of one more connection. */
  of(connection: string): { readonly onError: (error: Error) => void; readonly onReady: () => void } {
    return {
      onError: (error) => {
        if (this.#lost.size === 0) this.#hooks.onLost(error);
        this.#lost.add(connection);
      },
      onReady: () => {
        if (this.#lost.delete(connection) && this.#lost.size === 0) this.#hooks.onBack();
      },
    };
  }
}
