/**
 * Protected mode, as in Redis: without keys, the server may listen on any address but serves only this machine.
 * Requests that a proxy on this machine passes on count as requests of others, as do those of other sites' pages in a
 * browser on this machine.
 */
import { problem } from "../http/problem.ts";
import type { RequestHead } from "../http/request-head.ts";

export const PROTECTED = problem(
  403,
  "protected_mode",
  "This server has no API keys, so it serves only its own machine, and no requests that a proxy passes on. To serve others, give it keys (TASKFLOW_API_KEYS, or taskflow keys create). To serve everyone who can reach it without keys, set TASKFLOW_AUTH=none.",
);

export const CROSS_ORIGIN = problem(
  403,
  "cross_origin",
  "This server requires no API key, so it does not serve pages of other sites. Name the site's origin in CORS_ORIGINS, or give the server keys.",
);

export const HOST_DENIED = problem(
  403,
  "host_not_allowed",
  "This server requires no API key, so it does not serve requests whose Host header names another server. Call it by localhost or 127.0.0.1, add the name to ALLOWED_HOSTS, or give the server keys.",
);

/** An origin has no path. */
const WEB_ORIGIN = /^https?:\/\/[^/?#@\\]+$/i;

/** @param address 4 or 16 bytes; none if the client has disconnected */
export function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  if (address.length !== 16 || address.subarray(0, 10).some((byte) => byte !== 0)) return false;
  // ::ffff:127.0.0.0/104: IPv4 on an IPv6 socket.
  if (address[10] === 0xff && address[11] === 0xff) return address[12] === 127;
  return address.subarray(10, 15).every((byte) => byte === 0) && address[15] === 1;
}

/**
 * Whether a listening address can be reached from this machine only. Then no client address is checked, which costs 7
 * µs.
 */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Whether a browser sends the request for a page of another site, of another port, or without an origin. Other programs
 * send neither `Origin` nor `Sec-Fetch-Site`. Browsers omit both if a page of a plain http name reads from its own
 * name: the check of Host (allowed-hosts.ts) covers that case.
 * @param ownOrigin the origin of PUBLIC_URL, for a proxy that passes requests on under another Host
 */
export function isForeignBrowser(
  { origin, fetchSite, host }: Pick<RequestHead, "origin" | "fetchSite" | "host">,
  corsOrigins: readonly string[],
  ownOrigin?: string,
): boolean {
  if (origin === "" && fetchSite === "") return false;
  // `*` does not count: a server without keys does not start with it.
  if (origin !== "" && isNamed(origin, corsOrigins)) return false;
  if (fetchSite !== "" && fetchSite !== "same-origin" && fetchSite !== "none") return true;
  return (
    origin !== "" && !isNamed(origin, ownOrigin === undefined ? [] : [ownOrigin]) && !isOriginOf(origin, host ?? "")
  );
}

export function isAllowedOrigin(origin: string, corsOrigins: readonly string[]): boolean {
  return corsOrigins.includes("*") || isNamed(origin, corsOrigins);
}

/** Whether a list contains an origin, ignoring the case of scheme and host, and the default port. */
function isNamed(origin: string, origins: readonly string[]): boolean {
  return (
    origins.includes(origin) ||
    (WEB_ORIGIN.test(origin) && URL.canParse(origin) && origins.includes(new URL(origin).origin))
  );
}

/**
 * Whether an origin and a Host header have the same host and port; never for "null", the origin of a sandboxed page.
 */
function isOriginOf(origin: string, host: string): boolean {
  if (!WEB_ORIGIN.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, host: ofOrigin } = new URL(origin);
  const url = `${protocol}//${host}`;
  return URL.canParse(url) && new URL(url).host === ofOrigin;
}
