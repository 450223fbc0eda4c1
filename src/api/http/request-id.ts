/** The id of a request, by which its caller and the log mean the same one: the caller's own `X-Request-Id` where it is sane. */
import { randomBytes } from "node:crypto";

const SANE = /^[A-Za-z0-9._:/+=@~-]{1,128}$/;

/** Ids of this boot of this process: eight characters of chance, and a count. A UUID would cost a request ten times as much. */
export class RequestIds {
  readonly #prefix = `${randomBytes(4).toString("hex")}-`;
  #count = 0;

  /** @param given what the request says of itself, "" for nothing */
  take(given: string): string {
    if (given !== "" && SANE.test(given)) return given;
    this.#count += 1;
    return this.#prefix + this.#count.toString(36);
  }
}
