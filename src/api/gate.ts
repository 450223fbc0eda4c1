/** Who is served: by keys where there are some, by protected mode where there are none, and everyone with TASKFLOW_AUTH=none. */
import type { ApiKey, Scope } from "../core/api-key.ts";
import { hasScope } from "../core/api-key.ts";
import type { Access } from "./contract/operation.ts";
import { needsKey } from "./contract/operation.ts";
import type { Answer } from "./exchange.ts";
import type { Keyring } from "./keyring.ts";
import { problem } from "./problem.ts";
import { CROSS_ORIGIN, PROTECTED, isForeignBrowser, isLoopback } from "./protected-mode.ts";
import type { RequestHead } from "./request-head.ts";

/** Challenges of RFC 6750, 3. */
function challenge(parameters: string): readonly [string, string] {
  return ["WWW-Authenticate", `Bearer realm="taskflow"${parameters}`];
}

const KEY_MISSING = problem(401, "key_missing", "This call needs an API key: send it as Authorization: Bearer KEY.", { headers: [challenge("")] });
const KEY_INVALID = problem(401, "key_invalid", "The API key in Authorization is none that holds here.", { headers: [challenge(', error="invalid_token"')] });
const SCOPE_MISSING = Object.fromEntries(
  (["submit", "read", "admin"] as const).map((scope) => [
    scope,
    problem(403, "scope_missing", `This call needs an API key with the scope ${scope}.`, { headers: [challenge(`, error="insufficient_scope", scope="${scope}"`)] }),
  ]),
) as Readonly<Record<Scope, Answer>>;

/** Why a caller whose key holds may not do this; undefined where it may, and where no key is needed. */
export function scopeRefusal(caller: ApiKey | undefined, scope: Scope): Answer | undefined {
  return caller === undefined || hasScope(caller, scope) ? undefined : SCOPE_MISSING[scope];
}

export interface GateOptions {
  readonly keyring: Keyring;
  /** TASKFLOW_AUTH=none. */
  readonly isOpenToAll: boolean;
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

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** The key that a request bears; undefined without one that holds, and where none is needed. */
  callerOf(access: Access, { authorization }: RequestHead): ApiKey | undefined {
    const { isOpenToAll, keyring } = this.#options;
    return isOpenToAll || authorization === "" || !needsKey(access) ? undefined : keyring.find(authorization);
  }

  /** Why a request is not let in; undefined where it is. */
  refusalOf(access: Access, caller: ApiKey | undefined, head: RequestHead, peer: Peer): Answer | undefined {
    const { isOpenToAll, keyring, corsOrigins } = this.#options;
    if (access === "open" || isOpenToAll) return undefined;
    if (!keyring.isNeeded) {
      if (head.isForwarded || (this.looksAtPeers && !isLoopback(new Uint8Array(peer.getRemoteAddress())))) return PROTECTED;
      return isForeignBrowser(head, corsOrigins) ? CROSS_ORIGIN : undefined;
    }
    if (access === "public") return undefined;
    if (caller === undefined) return head.authorization === "" ? KEY_MISSING : KEY_INVALID;
    return scopeRefusal(caller, access);
  }
}
