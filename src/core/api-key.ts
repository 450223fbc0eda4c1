/**
 * A key of the API: who calls, and what that one may do. The key itself is known to its bearer only; here is its
 * SHA-256.
 */

import type { RatePolicy } from "./rate-policy.ts";
import { parseRatePolicy } from "./rate-policy.ts";

/** What a key may do. `admin` includes the others. */
const SCOPES = ["submit", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKey {
  /**
   * The first 16 characters of the hash: what idempotency keys and limits are kept under, and what `keys revoke` takes.
   */
  readonly id: string;
  /** For people, and for the log. */
  readonly name: string;
  /** SHA-256 in lower-case hexadecimal. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  /** Requests; undefined for what the settings say. */
  readonly rate?: RatePolicy | undefined;
  /** Jobs. */
  readonly quota?: RatePolicy | undefined;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HASH = /^[0-9a-f]{64}$/;

export function idOfHash(hash: string): string {
  return hash.slice(0, 16);
}

export function isKeyName(text: string): boolean {
  return NAME.test(text);
}

/** @param text scopes with `+` between; undefined where one is none */
export function parseScopes(text: string): readonly Scope[] | undefined {
  const names = text.split("+");
  return names.every((name): name is Scope => (SCOPES as readonly string[]).includes(name))
    ? [...new Set(names)]
    : undefined;
}

export function hasScope({ scopes }: Pick<ApiKey, "scopes">, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes("admin");
}

/**
 * The value of TASKFLOW_API_KEYS: `NAME:SCOPES:SHA256`, with commas or white space between; `:rate=100/s` and
 * `:quota=100000/d` may follow. Undefined where one of them is none, or two have the same hash.
 */
export function parseApiKeys(text: string): readonly ApiKey[] | undefined {
  const keys = text
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .map(parseEntry);
  if (!keys.every((key) => key !== undefined)) return undefined;
  return new Set(keys.map(({ hash }) => hash)).size === keys.length ? Object.freeze(keys) : undefined;
}

function parseEntry(entry: string): ApiKey | undefined {
  const [name = "", scopeNames = "", hashText = "", ...limits] = entry.split(":");
  const hash = hashText.toLowerCase();
  const scopes = parseScopes(scopeNames);
  if (!isKeyName(name) || scopes === undefined || !HASH.test(hash)) return undefined;
  const policies: { rate?: RatePolicy; quota?: RatePolicy } = {};
  for (const limit of limits) {
    const [kind, value = ""] = limit.split("=");
    const policy = parseRatePolicy(value);
    if ((kind !== "rate" && kind !== "quota") || policy === undefined) return undefined;
    policies[kind] = policy;
  }
  return { id: idOfHash(hash), name, hash, scopes, ...policies };
}
