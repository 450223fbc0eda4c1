/** One attachment, fetched into memory. It takes its bytes from the budget as they come, so a slow host holds only what it has sent. */
import type { ByteShare } from "../../concurrency/byte-budget.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import { codeOf, messageOf } from "../../errors.ts";
import type { Outbound } from "../../net/outbound.ts";
import { retryAfterMs } from "../../net/retry-after.ts";
import { NameRejected } from "../../net/target.ts";

/** Base64 makes 24.6 MiB of it; 25 MiB is what the large mail services take. */
export const MAX_ATTACHED_BYTES = 18 * 1024 * 1024;
/** Bytes come in packets of any size, and each buffer costs memory of its own: so they are copied together. */
export const PIECE_BYTES = 128 * 1024;
const FETCH_TIMEOUT_MS = 10_000;
/** Of everything. The attempt's own time is less. */
const DAY_MS = 86_400_000;
const FETCH_REDIRECTS = 3;
/** As net/ names it; the caller of the job reads `attachment_unreachable`. */
const TIMEOUT = "timeout";
const DEFAULT_RETRY_AFTER_MS = 60_000;

export interface FetchOptions {
  readonly outbound: Outbound;
  /** Grows by what the file needs. */
  readonly share: ByteShare;
  /** How much of the share other files of the message have taken. */
  readonly shareInUse: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** How long the host may take. The wait for the share is not counted. */
  readonly timeoutMs?: number;
}

export interface FetchedFile {
  /** Each of {@link PIECE_BYTES}, the last one filled in part. */
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}

/**
 * @throws {PermanentError} `attachment_too_large`, `attachment_refused`, `target_refused` and the like
 * @throws {RetryableError} `attachment_unreachable`, `encoding_invalid`; `target_refused` for a host name
 * @throws {RetryAfterError} `attachment_busy` (HTTP 429)
 */
export async function fetchFile(url: string, options: FetchOptions): Promise<FetchedFile> {
  const { outbound, share, shareInUse, maxBytes, signal, timeoutMs = FETCH_TIMEOUT_MS } = options;
  const clock = new Clock(timeoutMs, signal);
  const file = new Pieces(async (bytes) => {
    const missing = shareInUse + bytes - share.bytes;
    if (missing > 0) await clock.stoppedFor(share.grow(missing, clock.signal));
  });
  try {
    const { status, headers } = await outbound.fetch(url, {
      headers: { "accept-encoding": "identity", "user-agent": "TaskFlow" },
      signal: clock.signal,
      timeoutMs: DAY_MS,
      followRedirects: FETCH_REDIRECTS,
      maxBytes,
      onExcess: "fail",
      into: (piece) => file.add(piece),
    });
    if (status >= 200 && status < 300) return file;
    const message = `an attachment's URL answered with HTTP ${status}`;
    const waitMs = retryAfterMs(headers["retry-after"], Date.now()) ?? DEFAULT_RETRY_AFTER_MS;
    if (status === 429) throw new RetryAfterError(message, waitMs, { code: "attachment_busy" });
    if (status === 408 || status === 425 || status >= 500)
      throw new RetryableError(message, { code: "attachment_unreachable" });
    throw new PermanentError(message, { code: "attachment_refused" });
  } catch (thrown) {
    if (thrown instanceof PermanentError && thrown.code === "too_large") throw tooLarge();
    if (
      signal.aborted ||
      thrown instanceof PermanentError ||
      thrown instanceof RetryAfterError ||
      thrown instanceof NameRejected ||
      codeOf(thrown) === "encoding_invalid"
    )
      throw thrown;
    const message = `an attachment cannot be fetched (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`;
    throw new RetryableError(message, { code: "attachment_unreachable", cause: thrown });
  } finally {
    clock.close();
  }
}

export function tooLarge(): PermanentError {
  return new PermanentError(`the attachments have more than ${MAX_ATTACHED_BYTES} bytes together`, {
    code: "attachment_too_large",
  });
}

class Pieces implements FetchedFile {
  readonly pieces: Buffer[] = [];
  bytes = 0;
  readonly #reserve: (bytes: number) => Promise<void>;

  /** @param reserve resolves when the file may have so many bytes */
  constructor(reserve: (bytes: number) => Promise<void>) {
    this.#reserve = reserve;
  }

  async add(packet: Buffer): Promise<void> {
    for (let at = 0; at < packet.length; ) {
      const used = this.bytes % PIECE_BYTES;
      if (used === 0) {
        await this.#reserve((this.pieces.length + 1) * PIECE_BYTES);
        this.pieces.push(Buffer.allocUnsafeSlow(PIECE_BYTES));
      }
      const copied = packet.copy(this.pieces.at(-1) as Buffer, used, at);
      at += copied;
      this.bytes += copied;
    }
  }
}

/** Aborts its signal when the host has taken too long, or with the attempt. */
class Clock {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #attempt: AbortSignal;
  #leftMs: number;
  #startedAt = performance.now();
  #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, attempt: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#leftMs = timeoutMs;
    this.#timer = this.#start();
    this.#attempt = attempt;
    attempt.addEventListener("abort", this.#onAbort, { once: true });
    if (attempt.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async stoppedFor(wait: Promise<void>): Promise<void> {
    clearTimeout(this.#timer);
    this.#leftMs -= performance.now() - this.#startedAt;
    await wait;
    this.#startedAt = performance.now();
    this.#timer = this.#start();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#attempt.removeEventListener("abort", this.#onAbort);
  }

  #start(): NodeJS.Timeout {
    const late = (): void =>
      this.#controller.abort(new RetryableError(`no complete answer within ${this.#timeoutMs} ms`, { code: TIMEOUT }));
    return setTimeout(late, this.#leftMs);
  }

  readonly #onAbort = (): void => this.#controller.abort(this.#attempt.reason);
}
