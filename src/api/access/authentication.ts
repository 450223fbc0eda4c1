/**
 * Decides who is served: callers with a key if the server has keys, this machine if it has none (protected mode), and
 * everyone with TASKFLOW_AUTH=none. If no key is required, requests from pages of other sites are denied, and the Host
 * header of a request must name this server.
 */
import type { ApiKey, Scope } from "../../core/api-key.ts";
import { hasScope } from "../../core/api-key.ts";
import type { Access } from "../contract/operation.ts";
import { needsKey } from "../contract/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { HostRules } from "./allowed-hosts.ts";
import { hostCheck } from "./allowed-hosts.ts";
import type { ApiKeyCache } from "./api-key-cache.ts";
import { CROSS_ORIGIN, HOST_DENIED, isForeignBrowser, isLoopback, PROTECTED } from "./protected-mode.ts";

/** Challenges of RFC 6750, 3. */
function challenge(parameters: string): readonly [string, string] {
  return ["WWW-Authenticate", `Bearer realm="taskflow"${parameters}`];
}

const KEY_MISSING = problem(401, "key_missing", "This call needs an API key: send it as Authorization: Bearer KEY.", {
  headers: [challenge("")],
});
const KEY_INVALID = problem(401, "key_invalid", "The API key is not valid.", {
  headers: [challenge(', error="invalid_token"')],
});
const SCOPE_MISSING = Object.fromEntries(
  (["submit", "read", "admin"] as const).map((scope) => [
    scope,
    problem(403, "scope_missing", `This call needs an API key with the scope ${scope}.`, {
      headers: [challenge(`, error="insufficient_scope", scope="${scope}"`)],
    }),
  ]),
) as Readonly<Record<Scope, Answer>>;

/** Denies a caller whose valid key lacks a scope; undefined if it has the scope, or no key is needed. */
export function scopeDenial(caller: ApiKey | undefined, scope: Scope): Answer | undefined {
  return caller === undefined || hasScope(caller, scope) ? undefined : SCOPE_MISSING[scope];
}

export interface AuthenticationOptions extends HostRules {
  readonly apiKeyCache: ApiKeyCache;
  /** The origins of pages that may call from a browser; `*` for all. */
  readonly corsOrigins: readonly string[];
}

/** The client's address: 4 or 16 bytes, none if it has disconnected. */
interface Peer {
  getRemoteAddress(): ArrayBuffer;
}

export class Authentication {
  /** False if the server listens on loopback only; reading an address costs 7 µs. */
  looksAtPeers = true;
  readonly #options: AuthenticationOptions;
  readonly #isAllowedHost: (host: string) => boolean;
  /** The origin of PUBLIC_URL. */
  readonly #ownOrigin: string | undefined;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
    this.#isAllowedHost = hostCheck(options);
    this.#ownOrigin = options.isOpenToAll && options.publicUrl !== "" ? new URL(options.publicUrl).origin : undefined;
  }

  /** The valid key of a request; undefined without one, or if none is needed. */
  callerOf(access: Access, { authorization }: RequestHead): ApiKey | undefined {
    const { isOpenToAll, apiKeyCache } = this.#options;
    return isOpenToAll || authorization === "" || !needsKey(access) ? undefined : apiKeyCache.find(authorization);
  }

  /** The answer to a request that is denied; undefined if it is served. */
  denialOf(access: Access, caller: ApiKey | undefined, head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, apiKeyCache } = this.#options;
    if (access === "open") return undefined;
    if (isOpenToAll || !apiKeyCache.isNeeded) return this.#denialWithoutKeys(head, peer);
    if (access === "public") return undefined;
    if (caller === undefined) return head.authorization === "" ? KEY_MISSING : KEY_INVALID;
    return scopeDenial(caller, access);
  }

  #denialWithoutKeys(head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, corsOrigins } = this.#options;
    if (
      !isOpenToAll &&
      (head.isForwarded || (this.looksAtPeers && !isLoopback(new Uint8Array(peer.getRemoteAddress()))))
    )
      return PROTECTED;
    if (!this.#isAllowedHost(head.host ?? "")) return HOST_DENIED;
    return isForeignBrowser(head, corsOrigins, this.#ownOrigin) ? CROSS_ORIGIN : undefined;
  }
}
