/** Limits the memory and fetches that attachments use in one replica, so that one sender cannot occupy it. */
import { ByteBudget, type ByteShare } from "../../concurrency/byte-budget.ts";
import { memoryShares } from "../../process/memory-limit.ts";
import { type EmailErrorCode, emailError } from "./error-codes.ts";

/** Concurrent fetches from one host. */
const MAX_BY_HOST = 4;
/** An attempt that would wait longer gives up its slot to other messages. */
const LONGEST_WAIT_MS = 2_000;
/** Messages that gave up their slot are retried after a random time in this range. */
const [COME_BACK_MIN_MS, COME_BACK_MAX_MS] = [2_000, 10_000];

export class SendingLimits {
  /** Fetched bytes of all unsent messages. */
  readonly bytes = new ByteBudget(memoryShares().attachments);
  /** By host and port. In each a fetch takes one of {@link MAX_BY_HOST}. */
  readonly #hosts = new Map<string, ByteBudget>();

  /**
   * Resolves with a share of the bytes, to be released when the message is sent.
   * @throws {RetryAfterError} `attachment_limited`
   */
  take(bytes: number, signal: AbortSignal): Promise<ByteShare> {
    return patiently(this.bytes, bytes, signal);
  }

  /**
   * Resolves once fewer than the limit fetch from this host, with a function that ends the visit.
   * @throws {RetryAfterError} `attachment_limited`
   */
  async visit(host: string, signal: AbortSignal): Promise<() => void> {
    const visits = this.#hosts.get(host) ?? new ByteBudget(MAX_BY_HOST);
    this.#hosts.set(host, visits);
    const forget = (): void => {
      if (visits.used === 0 && visits.waiting === 0 && this.#hosts.get(host) === visits) this.#hosts.delete(host);
    };
    try {
      const visit = await patiently(visits, 1, signal);
      return () => {
        visit.release();
        forget();
      };
    } catch (error) {
      forget();
      throw error;
    }
  }
}

const ATTACHMENTS_WAIT: Patience = {
  ms: LONGEST_WAIT_MS,
  code: "attachment_limited",
  message: "the limit of concurrent attachment fetches is reached; the message waits for its turn",
};

export interface Patience {
  /** How long to wait before the attempt gives up its slot. */
  readonly ms: number;
  readonly code: EmailErrorCode;
  readonly message: string;
}

/** Waits for a share for a limited time. @throws {RetryAfterError} the time is over; the reason of `signal` */
export async function patiently(
  budget: ByteBudget,
  amount: number,
  signal: AbortSignal,
  { ms, code, message } = ATTACHMENTS_WAIT,
): Promise<ByteShare> {
  const patience = new AbortController();
  const leave = (): void => patience.abort(signal.reason);
  const timer = setTimeout(() => {
    const backInMs = COME_BACK_MIN_MS + Math.random() * (COME_BACK_MAX_MS - COME_BACK_MIN_MS);
    patience.abort(emailError.retryAfter(code, message, backInMs, { waitsForTurn: true }));
  }, ms);
  signal.addEventListener("abort", leave, { once: true });
  try {
    signal.throwIfAborted();
    return await budget.acquire(amount, patience.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}
