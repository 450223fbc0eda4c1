/**
 * The id that a caller and the log use for the same request: the caller's `X-Request-Id` if it is valid, else a
 * generated one.
 */
import { randomBytes } from "node:crypto";

const VALID = /^[A-Za-z0-9._:/+=@~-]{1,128}$/;

/** Ids of this process: eight random characters and a counter. A UUID would cost ten times as much per request. */
export class RequestIds {
  readonly #prefix = `${randomBytes(4).toString("hex")}-`;
  #count = 0;

  /** @param given the `X-Request-Id` of the request, "" for none */
  take(given: string): string {
    if (given !== "" && VALID.test(given)) return given;
    this.#count += 1;
    return this.#prefix + this.#count.toString(36);
  }
}
