/**
 * Who is served: by keys where there are some, by protected mode where there are none, and everyone with TASKFLOW_AUTH=none. Where no key is
 * required, a browser that shows a page of somebody else's is never served, and a request must name this server as its host.
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
import { CROSS_ORIGIN, HOST_REJECTED, isForeignBrowser, isLoopback, PROTECTED } from "./protected-mode.ts";

/** Challenges of RFC 6750, 3. */
function challenge(parameters: string): readonly [string, string] {
  return ["WWW-Authenticate", `Bearer realm="taskflow"${parameters}`];
}

const KEY_MISSING = problem(401, "key_missing", "This call needs an API key: send it as Authorization: Bearer KEY.", {
  headers: [challenge("")],
});
const KEY_INVALID = problem(401, "key_invalid", "The API key in Authorization is none that holds here.", {
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

/** Why a caller whose key holds may not do this; undefined where it may, and where no key is needed. */
export function scopeRejection(caller: ApiKey | undefined, scope: Scope): Answer | undefined {
  return caller === undefined || hasScope(caller, scope) ? undefined : SCOPE_MISSING[scope];
}

export interface GateOptions extends HostRules {
  readonly apiKeyCache: ApiKeyCache;
  /** Of pages that may call from a browser; `*` for all. */
  readonly corsOrigins: readonly string[];
}

/** What is asked of a response about its connection: 4 or 16 bytes, none when the peer has gone. */
interface Peer {
  getRemoteAddress(): ArrayBuffer;
}

export class Gate {
  /** Whether peers may come from elsewhere at all; a look at an address costs 7 µs. */
  looksAtPeers = true;
  readonly #options: GateOptions;
  readonly #isAllowedHost: (host: string) => boolean;
  /** Of PUBLIC_URL. */
  readonly #ownOrigin: string | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#isAllowedHost = hostCheck(options);
    this.#ownOrigin = options.isOpenToAll && options.publicUrl !== "" ? new URL(options.publicUrl).origin : undefined;
  }

  /** The key that a request bears; undefined without one that holds, and where none is needed. */
  callerOf(access: Access, { authorization }: RequestHead): ApiKey | undefined {
    const { isOpenToAll, apiKeyCache } = this.#options;
    return isOpenToAll || authorization === "" || !needsKey(access) ? undefined : apiKeyCache.find(authorization);
  }

  /** Why a request is not let in; undefined where it is. */
  rejectionOf(access: Access, caller: ApiKey | undefined, head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, apiKeyCache } = this.#options;
    if (access === "open") return undefined;
    if (isOpenToAll || !apiKeyCache.isNeeded) return this.#rejectionWithoutKeys(head, peer);
    if (access === "public") return undefined;
    if (caller === undefined) return head.authorization === "" ? KEY_MISSING : KEY_INVALID;
    return scopeRejection(caller, access);
  }

  #rejectionWithoutKeys(head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, corsOrigins } = this.#options;
    if (
      !isOpenToAll &&
      (head.isForwarded || (this.looksAtPeers && !isLoopback(new Uint8Array(peer.getRemoteAddress()))))
    )
      return PROTECTED;
    if (!this.#isAllowedHost(head.host ?? "")) return HOST_REJECTED;
    return isForeignBrowser(head, corsOrigins, this.#ownOrigin) ? CROSS_ORIGIN : undefined;
  }
}
