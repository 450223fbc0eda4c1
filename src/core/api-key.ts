/**
 * An API key identifies a caller and its permissions. Only the caller has the key itself; TaskFlow stores its SHA-256.
 * A user whom an auth proxy has authenticated is a caller without a key.
 */

import type { RatePolicy } from "./rate-policy.ts";
import { parseRatePolicy } from "./rate-policy.ts";

/** The permissions of a key. `admin` includes the others. */
export const SCOPES = ["submit", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Caller {
  /** Unique among all callers: their name in idempotency keys, rate limits and the jobs that they own. */
  readonly id: string;
  /** A name for people and the log. */
  readonly name: string;
  /** Set for a user of an auth proxy. */
  readonly isUser?: true;
  readonly scopes: readonly Scope[];
  /** The rate limit of requests; undefined for the default of the settings. */
  readonly rate?: RatePolicy | undefined;
  /** The quota of jobs. */
  readonly quota?: RatePolicy | undefined;
}

/** Its id is the first 16 characters of the hash, as in `keys revoke`. */
export interface ApiKey extends Caller {
  /** SHA-256 in lower-case hexadecimal. */
  readonly hash: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HASH = /^[0-9a-f]{64}$/;

export function idOfHash(hash: string): string {
  return hash.slice(0, 16);
}

export function isKeyName(text: string): boolean {
  return NAME.test(text);
}

/** @param text scopes separated by `+` @returns undefined if one of them is not a scope */
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
 * Parses TASKFLOW_API_KEYS: entries `NAME:SCOPES:SHA256`, separated by commas or white space; `:rate=100/s` and
 * `:quota=100000/d` may follow. Returns undefined if an entry is not valid, or two have the same hash.
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
