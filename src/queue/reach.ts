/** Whether Redis can be reached: one outage takes all connections to it, and is told once, as is its end. */

export interface ReachHooks {
  /** The first connection was lost, or could not be made; each tries again until it is there. */
  readonly onLost: (error: Error) => void;
  /** All connections are there again. */
  readonly onBack: () => void;
}

export class Reach {
  readonly #hooks: ReachHooks;
  readonly #lost = new Set<string>();

  constructor(hooks: ReachHooks) {
    this.#hooks = hooks;
  }

  /** What one more connection tells of itself. */
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
