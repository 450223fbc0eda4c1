/**
 * Bounds the bytes that concurrent work of one kind uses. Work waits for its bytes in order of arrival.
 *
 * A share may grow while its owner learns how much it needs. If all owners waited to grow, they would deadlock, so the
 * oldest share never waits: it may exceed the bound until it is released, and then the next one is the oldest. At most
 * one share at a time exceeds the bound, and by no more than its own size.
 */
export interface ByteShare {
  readonly bytes: number;
  /** Adds bytes to the share, and waits for them unless it is the oldest. @throws the reason of `signal` */
  grow(bytes: number, signal?: AbortSignal): Promise<void>;
  /** Releases the bytes beyond `bytes`. */
  shrinkTo(bytes: number): void;
  /** Releases all bytes. Idempotent. */
  release(): void;
}

interface Waiting {
  readonly share: Share;
  readonly bytes: number;
  readonly letIn: () => void;
}

export class ByteBudget {
  readonly total: number;
  #used = 0;
  /** Oldest first. */
  readonly #shares = new Set<Share>();
  /** Shares that wait to grow come before new ones: they occupy bytes while they wait. */
  readonly #growing = new Set<Waiting>();
  readonly #entering = new Set<Waiting>();

  constructor(total: number) {
    this.total = total;
  }

  /** The bytes of all shares together. */
  get used(): number {
    return this.#used;
  }

  /** How many callers wait, for a new share or to grow one. */
  get waiting(): number {
    return this.#entering.size + this.#growing.size;
  }

  /**
   * Resolves with a share of this size once the budget has room for it. A larger share than the budget gets the whole
   * budget.
   * @throws the reason of `signal`, when that ends the wait
   */
  async acquire(bytes: number, signal?: AbortSignal): Promise<ByteShare> {
    const share = new Share(this.#joints);
    await this.#take(this.#entering, share, Math.min(bytes, this.total), signal);
    return share;
  }

  readonly #joints: Joints = {
    grow: (share, bytes, signal) => this.#take(this.#growing, share, bytes, signal),
    giveBack: (share, bytes) => {
      share.bytes -= bytes;
      this.#used -= bytes;
      this.#serve();
    },
    leave: (share) => void this.#shares.delete(share),
  };

  async #take(line: Set<Waiting>, share: Share, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const isFirst = line.size === 0 && (line === this.#growing || this.#growing.size === 0);
    if (this.#isOldest(share) || (isFirst && this.#fits(bytes))) {
      this.#grant(share, bytes);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const letIn = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const waiting: Waiting = { share, bytes, letIn };
      const onAbort = (): void => {
        line.delete(waiting);
        reject(signal?.reason as Error);
        this.#serve(); // the next callers may need less
      };
      line.add(waiting);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #serve(): void {
    for (const waiting of this.#growing) {
      if (this.#isOldest(waiting.share)) this.#letIn(this.#growing, waiting);
    }
    for (const line of [this.#growing, this.#entering]) {
      for (const waiting of line) {
        if (!this.#fits(waiting.bytes)) return;
        this.#letIn(line, waiting);
      }
    }
  }

  #letIn(line: Set<Waiting>, waiting: Waiting): void {
    line.delete(waiting);
    this.#grant(waiting.share, waiting.bytes);
    waiting.letIn();
  }

  #grant(share: Share, bytes: number): void {
    this.#shares.add(share);
    share.bytes += bytes;
    this.#used += bytes;
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.total;
  }

  #isOldest(share: Share): boolean {
    const [oldest] = this.#shares;
    return share === oldest;
  }
}

/** The functions of its budget that a share uses. */
interface Joints {
  readonly grow: (share: Share, bytes: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly giveBack: (share: Share, bytes: number) => void;
  readonly leave: (share: Share) => void;
}

class Share implements ByteShare {
  bytes = 0;
  readonly #joints: Joints;

  constructor(joints: Joints) {
    this.#joints = joints;
  }

  grow(bytes: number, signal?: AbortSignal): Promise<void> {
    return this.#joints.grow(this, bytes, signal);
  }

  shrinkTo(bytes: number): void {
    if (bytes < this.bytes) this.#joints.giveBack(this, this.bytes - bytes);
  }

  release(): void {
    this.#joints.leave(this);
    this.shrinkTo(0);
  }
}
