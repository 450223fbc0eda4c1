/**
 * Fetches one attachment into memory. It takes bytes from the budget as they arrive, so a slow host occupies only as
 * much as it has sent.
 */
import type { ByteShare } from "../../concurrency/byte-budget.ts";
import type { PermanentError } from "../../core/job-type.ts";
import { DAY_MS } from "../../core/time.ts";
import { codeOf, messageOf } from "../../errors.ts";
import { outboundError } from "../../net/error-codes.ts";
import { assertSuccess, isSelfExplanatory } from "../../net/http-outcome.ts";
import type { Outbound } from "../../net/outbound.ts";
import { emailError } from "./error-codes.ts";

/** Base64 turns this into 24.6 MiB; the large mail services accept 25 MiB. */
export const MAX_ATTACHED_BYTES = 18 * 1024 * 1024;
/** Packets are copied together into pieces of this size, because they have any size and each buffer costs memory. */
export const PIECE_BYTES = 128 * 1024;
const FETCH_TIMEOUT_MS = 10_000;
/** A time limit that never applies, because the attempt's own limit is shorter. */
const FETCH_REDIRECTS = 3;

export interface FetchOptions {
  readonly outbound: Outbound;
  /** Grows by the bytes that the file needs. */
  readonly share: ByteShare;
  /** How much of the share other files of the message have taken. */
  readonly shareInUse: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** The time limit of the host. The wait for the share does not count. */
  readonly timeoutMs?: number;
}

export interface FetchedFile {
  /** Each has {@link PIECE_BYTES}; the last one may be partly filled. */
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
  const response = await outbound
    .fetch(url, {
      headers: { "accept-encoding": "identity", "user-agent": "TaskFlow" },
      signal: clock.signal,
      timeoutMs: DAY_MS,
      followRedirects: FETCH_REDIRECTS,
      maxBytes,
      onExcess: "fail",
      into: (piece) => file.add(piece),
    })
    .catch((thrown: unknown) => {
      throw signal.aborted ? thrown : errorOf(thrown);
    })
    .finally(() => clock.close());
  assertSuccess(response, emailError, {
    message: `the URL of an attachment returned HTTP ${response.status}`,
    codes: { final: "attachment_refused", retry: "attachment_unreachable", busy: "attachment_busy" },
    nowMs: Date.now(),
  });
  return file;
}

function errorOf(thrown: unknown): unknown {
  if (codeOf(thrown) === "too_large") return tooLarge();
  if (isSelfExplanatory(thrown)) return thrown;
  const message = `an attachment cannot be fetched (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`;
  return emailError.retryable("attachment_unreachable", message, { cause: thrown });
}

export function tooLarge(): PermanentError {
  return emailError.permanent(
    "attachment_too_large",
    `the attachments together have more than ${MAX_ATTACHED_BYTES} bytes`,
  );
}

class Pieces implements FetchedFile {
  readonly pieces: Buffer[] = [];
  bytes = 0;
  readonly #reserve: (bytes: number) => Promise<void>;

  /** @param reserve resolves when the file may occupy this many bytes */
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

/** Aborts its signal if the host takes too long, or with the attempt. */
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
      this.#controller.abort(outboundError.retryable("timeout", `no complete response within ${this.#timeoutMs} ms`));
    return setTimeout(late, this.#leftMs);
  }

  readonly #onAbort = (): void => this.#controller.abort(this.#attempt.reason);
}
