/**
 * Decides who is served: callers with a key if the server has keys, this machine if it has none (protected mode), and
 * everyone with TASKFLOW_AUTH=none; users of an auth proxy in each case (proxy-users.ts). If no key is required, requests
 * from pages of other sites are denied, and the Host header of a request must name this server.
 */
import type { Caller, Scope } from "../../core/api-key.ts";
import { hasScope, SCOPES } from "../../core/api-key.ts";
import type { Access } from "../contract/operation.ts";
import { needsKey } from "../contract/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import type { RequestHead } from "../http/request-head.ts";
import { hostCheck } from "./allowed-hosts.ts";
import type { ApiKeyCache } from "./api-key-cache.ts";
import { CROSS_ORIGIN, HOST_DENIED, isForeignBrowser, isLoopback, PROTECTED } from "./protected-mode.ts";
import type { Peer, ProxyUsers, ProxyUsersOptions } from "./proxy-users.ts";
import { proxyUsers } from "./proxy-users.ts";

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
const SCOPE_MISSING = scopeProblems((scope) => `This call needs an API key with the scope ${scope}.`);
const USER_SCOPE_MISSING = scopeProblems(
  (scope) =>
    `This call needs the scope ${scope}. With DASHBOARD=read, users of the auth proxy may only read: use an API key.`,
);

function scopeProblems(detailOf: (scope: Scope) => string): Readonly<Record<Scope, Answer>> {
  const problems = SCOPES.map((scope) => [
    scope,
    problem(403, "scope_missing", detailOf(scope), {
      headers: [challenge(`, error="insufficient_scope", scope="${scope}"`)],
    }),
  ]);
  return Object.fromEntries(problems) as Readonly<Record<Scope, Answer>>;
}

/** Denies a caller that lacks a scope; undefined if it has the scope, or needs neither a key nor a user. */
export function scopeDenial(caller: Caller | undefined, scope: Scope): Answer | undefined {
  if (caller === undefined || hasScope(caller, scope)) return undefined;
  return (caller.isUser ? USER_SCOPE_MISSING : SCOPE_MISSING)[scope];
}

export interface AuthenticationOptions extends ProxyUsersOptions {
  readonly apiKeyCache: ApiKeyCache;
  /** The origins of pages that may call from a browser; `*` for all. */
  readonly corsOrigins: readonly string[];
}

export class Authentication {
  /** False if the server listens on loopback only; reading an address costs 7 µs. */
  looksAtPeers = true;
  readonly #options: AuthenticationOptions;
  readonly #users: ProxyUsers;
  readonly #isAllowedHost: (host: string) => boolean;
  /** The origin of PUBLIC_URL. */
  readonly #ownOrigin: string | undefined;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
    this.#users = proxyUsers(options);
    this.#isAllowedHost = hostCheck(options);
    this.#ownOrigin = options.isOpenToAll && options.publicUrl !== "" ? new URL(options.publicUrl).origin : undefined;
  }

  /** The valid key of a request, or else its user; undefined without either, or if the call needs no key. */
  callerOf(access: Access, head: RequestHead, peer: Peer): Caller | undefined {
    if (!needsKey(access)) return undefined;
    const { isOpenToAll, apiKeyCache } = this.#options;
    const { authorization } = head;
    const key = isOpenToAll || authorization === "" ? undefined : apiKeyCache.find(authorization);
    return key === undefined && head.user !== undefined ? this.#users.find(head, peer) : key;
  }

  /** The answer to a request that is denied; undefined if it is served. */
  denialOf(access: Access, caller: Caller | undefined, head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, apiKeyCache } = this.#options;
    if (access === "open") return undefined;
    const needsNoKey = isOpenToAll || !apiKeyCache.isNeeded;
    if (access === "public") return needsNoKey ? this.#denialOfPublic(head, peer) : undefined;
    if (caller?.isUser)
      return this.#users.denialOf(head) ?? (access === "any" ? undefined : scopeDenial(caller, access));
    if (needsNoKey) return this.#denialWithoutKeys(head, peer);
    if (caller === undefined) return head.authorization === "" ? KEY_MISSING : KEY_INVALID;
    return access === "any" ? undefined : scopeDenial(caller, access);
  }

  #denialOfPublic(head: RequestHead, peer: Peer): Answer | undefined {
    const isOfUser = head.user !== undefined && this.#users.find(head, peer) !== undefined;
    return isOfUser ? this.#users.hostDenial(head) : this.#denialWithoutKeys(head, peer);
  }

  #denialWithoutKeys(head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, corsOrigins } = this.#options;
    if (!isOpenToAll && this.#isFromElsewhere(head, peer)) return PROTECTED;
    if (!this.#isAllowedHost(head.host ?? "")) return HOST_DENIED;
    return isForeignBrowser(head, corsOrigins, this.#ownOrigin) ? CROSS_ORIGIN : undefined;
  }

  #isFromElsewhere(head: RequestHead, peer: Peer): boolean {
    if (head.isForwarded || (head.user !== undefined && this.#users.isPassedOn(head, peer))) return true;
    return this.looksAtPeers && !isLoopback(new Uint8Array(peer.getRemoteAddress()));
  }
}
