/** The valid API keys, and the look-up of the key in an Authorization header (RFC 6750, 2.1). */
import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "../../core/api-key.ts";

/** Longer headers cannot contain a key, so they are not hashed. */
const MAX_KEY_LENGTH = 512;
const BEARER = /^bearer +(\S+) *$/i;

export class ApiKeyCache {
  #keys: readonly { readonly key: ApiKey; readonly hash: Buffer }[] = [];
  /** Valid keys by the whole header; bounded by {@link #remember}. */
  readonly #known = new Map<string, ApiKey>();
  #isNeeded = false;

  /** Whether callers need a key at all. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /**
   * Replaces the valid keys.
   * @param use `isNeeded`: whether callers need a key: also true if all keys were revoked
   */
  replace(keys: readonly ApiKey[], use: { readonly isNeeded: boolean }): void {
    this.#keys = keys.map((key) => ({ key, hash: Buffer.from(key.hash, "hex") }));
    this.#known.clear();
    this.#isNeeded = use.isNeeded;
  }

  /** The valid key in an Authorization header; undefined if there is none. */
  find(authorization: string): ApiKey | undefined {
    return this.#known.get(authorization) ?? this.#search(authorization);
  }

  /** Compares all hashes, each in constant time, so that the duration reveals nothing about them. */
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
    // A caller may write the same header in many ways.
    if (this.#known.size >= 2 * this.#keys.length) this.#known.clear();
    this.#known.set(authorization, key);
  }
}
