/** The API keys that hold now, and who a request's Authorization says it comes from (RFC 6750, 2.1). */
import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "../../core/api-key.ts";

/** Longer ones are no keys, and not worth a hash. */
const MAX_KEY_LENGTH = 512;
const BEARER = /^bearer +(\S+) *$/i;

export class ApiKeyCache {
  #keys: readonly { readonly key: ApiKey; readonly hash: Buffer }[] = [];
  /** By the whole header. Only keys that hold come in here, so there are never more entries than ways to write them: {@link #remember}. */
  readonly #known = new Map<string, ApiKey>();
  #isNeeded = false;

  /** Whether callers need a key at all. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /**
   * From now on these keys hold, and no others.
   * @param isNeeded whether callers need one: also where all keys were revoked
   */
  replace(keys: readonly ApiKey[], isNeeded: boolean): void {
    this.#keys = keys.map((key) => ({ key, hash: Buffer.from(key.hash, "hex") }));
    this.#known.clear();
    this.#isNeeded = isNeeded;
  }

  /** The key that an Authorization header bears; undefined where it bears none that holds. */
  find(authorization: string): ApiKey | undefined {
    return this.#known.get(authorization) ?? this.#search(authorization);
  }

  /** All hashes are compared, each in constant time: how long it takes tells nothing about any of them. */
  #search(authorization: string): ApiKey | undefined {
    const [, text = ""] = authorization.length > MAX_KEY_LENGTH ? [] : (BEARER.exec(authorization) ?? []);
    if (text === "") return undefined;
    const hash = createHash("sha256").update(text).digest();
    let found: ApiKey | undefined;
    for (const each of this.#keys) {
      if (timingSafeEqual(each.hash, hash)) found = each.key;
    }
    if (found) this.#remember(authorization, found);
    return found;
  }

  #remember(authorization: string, key: ApiKey): void {
    if (this.#known.size >= 2 * this.#keys.length) this.#known.clear(); // one caller that writes the header in many ways
    this.#known.set(authorization, key);
  }
}
