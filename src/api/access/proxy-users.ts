/**
 * Users whom an auth proxy has authenticated. The proxy names the user in the header DASHBOARD_USER_HEADER, which counts
 * only from peers in TRUSTED_PROXIES: everybody else can send it as well.
 *
 * Such a proxy usually recognises a browser by its cookie, which the browser also sends with requests of other sites'
 * pages. So these are denied, as on a server without keys, and Host must name this server.
 */
import { createHash } from "node:crypto";
import type { Caller } from "../../core/api-key.ts";
import { SCOPES } from "../../core/api-key.ts";
import type { Network } from "../../net/networks.ts";
import { isPeerIn } from "../../net/networks.ts";
import type { ApiSettings } from "../dependencies.ts";
import type { Answer } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { HostRules } from "./allowed-hosts.ts";
import { hostCheck } from "./allowed-hosts.ts";
import { isForeignBrowser } from "./protected-mode.ts";

/** Printable ASCII: the two listeners decode other bytes differently, so two users could look the same. */
const USER = /^[\x21-\x7e]{1,255}$/;
/** Hexadecimal digits of the SHA-256 in a user's id. */
const ID_DIGITS = 32;

const SCOPES_OF_MODE = { full: SCOPES, read: ["read"], off: [] } as const;

const CROSS_ORIGIN = problem(
  403,
  "cross_origin",
  "A proxy authenticated this request, so pages of other sites are not served. If the page is this server's own, set PUBLIC_URL to its URL, or let the proxy pass on Host.",
);
const HOST_DENIED = problem(
  403,
  "host_not_allowed",
  "A proxy authenticated this request, so its Host header must name this server: set PUBLIC_URL, or add the name to ALLOWED_HOSTS.",
);

/** The client's address: 4 or 16 bytes, none if it has disconnected. */
export interface Peer {
  getRemoteAddress(): ArrayBuffer;
}

export interface ProxyUsersOptions extends HostRules {
  readonly trustedProxies: readonly Network[];
  /** DASHBOARD: users may do everything, or only read; or the header authenticates nobody. */
  readonly mode: ApiSettings["dashboard"]["mode"];
}

export interface ProxyUsers {
  /** The user whom a request names; undefined if it names none, or its peer is not trusted. */
  find(head: Pick<RequestHead, "user">, peer: Peer): Caller | undefined;
  /** Whether a trusted proxy passed a request on with the header, even if that names no user. */
  isPassedOn(head: Pick<RequestHead, "user">, peer: Peer): boolean;
  /** Denies a user's request for a Host of somebody else, or from a page of another site. */
  denialOf(head: RequestHead): Answer | undefined;
  /** Like `denialOf`, for a call that reveals nothing: links on other sites may lead to it. */
  hostDenial(head: RequestHead): Answer | undefined;
}

export function proxyUsers({ trustedProxies, mode, allowedHosts, publicUrl }: ProxyUsersOptions): ProxyUsers {
  const scopes = SCOPES_OF_MODE[mode];
  const isAllowedHost = hostCheck({ allowedHosts, publicUrl, isOpenToAll: true });
  const ownOrigin = publicUrl === "" ? undefined : new URL(publicUrl).origin;
  const isPassedOn: ProxyUsers["isPassedOn"] = ({ user }, peer) =>
    user !== undefined && isPeerIn(new Uint8Array(peer.getRemoteAddress()), trustedProxies);
  const hostDenial: ProxyUsers["hostDenial"] = ({ host }) => (isAllowedHost(host ?? "") ? undefined : HOST_DENIED);
  return {
    find: (head, peer) => {
      const { user = "" } = head;
      if (scopes.length === 0 || !USER.test(user) || !isPassedOn(head, peer)) return undefined;
      return { id: idOfUser(user), name: user, isUser: true, scopes };
    },
    isPassedOn,
    hostDenial,
    // CORS_ORIGINS lists pages that have a key, or need none. They do not act as the user.
    denialOf: (head) => hostDenial(head) ?? (isForeignBrowser(head, [], ownOrigin) ? CROSS_ORIGIN : undefined),
  };
}

/** Never the id of an API key, and free of the characters that separate ids from other parts. */
function idOfUser(user: string): string {
  return `user-${createHash("sha256").update(user).digest("hex").slice(0, ID_DIGITS)}`;
}
