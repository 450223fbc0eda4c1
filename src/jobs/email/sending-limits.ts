/** What the fetched attachments of all messages may take of one replica, so that no sender's take it all. */
import { ByteBudget, type ByteShare } from "../../concurrency/byte-budget.ts";
import { memoryShares } from "../../process/memory-limit.ts";
import { type EmailErrorCode, emailError } from "./error-codes.ts";

/** Fetches at the same time from one host. */
const MAX_BY_HOST = 4;
/** An attempt that would wait longer than this gives its slot to other messages meanwhile. */
const LONGEST_WAIT_MS = 2_000;
/** Those that were sent away come back spread over this time. */
const [COME_BACK_MIN_MS, COME_BACK_MAX_MS] = [2_000, 10_000];

export class SendingLimits {
  /** Fetched bytes of all messages that are not sent yet. */
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
   * Resolves when few enough others fetch from this host, with what ends the visit.
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
  message: "as many attachments are fetched as may be at once; the message waits for its turn",
};

export interface Patience {
  /** How long to wait before the attempt gives its slot to others. */
  readonly ms: number;
  readonly code: EmailErrorCode;
  readonly message: string;
}

/** Waits for a share as long as the patience lasts. @throws {RetryAfterError} with its code, when it is over; the reason of `signal` */
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
