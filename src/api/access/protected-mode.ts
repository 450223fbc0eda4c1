/**
 * Protected mode, as in Redis: without keys the server may listen anywhere, but serves only this machine. A proxy on this
 * machine speaks for others, so its requests count as theirs; and so do pages of other sites in a browser on this machine.
 */
import { problem } from "../http/problem.ts";
import type { RequestHead } from "../http/request-head.ts";

export const PROTECTED = problem(
  403,
  "protected_mode",
  "This server has no API keys, so it serves only requests from its own machine that no proxy passed on. To serve others, give it keys (TASKFLOW_API_KEYS, or taskflow keys create); to serve everyone who can reach it, without keys, set TASKFLOW_AUTH=none.",
);

export const CROSS_ORIGIN = problem(
  403,
  "cross_origin",
  "This server requires no API key, so it does not serve pages of other sites. Name the site's origin in CORS_ORIGINS, or give the server keys.",
);

export const HOST_REJECTED = problem(
  403,
  "host_not_allowed",
  "This server requires no API key, so it does not serve requests whose Host header names another server. Call it by localhost or 127.0.0.1, add the name to ALLOWED_HOSTS, or give the server keys.",
);

/** With a path, it is no origin. */
const WEB_ORIGIN = /^https?:\/\/[^/?#@\\]+$/i;

/** @param address 4 or 16 bytes; none when the peer has gone */
export function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  if (address.length !== 16 || address.subarray(0, 10).some((byte) => byte !== 0)) return false;
  if (address[10] === 0xff && address[11] === 0xff) return address[12] === 127; // ::ffff:127.0.0.0/104: IPv4 on a socket for both
  return address.subarray(10, 15).every((byte) => byte === 0) && address[15] === 1;
}

/** Whether a host to listen on can be reached from this machine only. Then nobody's address needs a look: that costs 7 µs a request. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Whether a browser asks for a page that this server did not make: one of another site, of another port, or of no origin at all. Programs send
 * neither `Origin` nor `Sec-Fetch-Site`. Browsers leave out both where a page of a plain http name reads from its own name: the check of Host
 * (allowed-hosts.ts) covers that case.
 * @param ownOrigin that of PUBLIC_URL, where a proxy passes on requests under another Host
 */
export function isForeignBrowser(
  { origin, fetchSite, host }: Pick<RequestHead, "origin" | "fetchSite" | "host">,
  corsOrigins: readonly string[],
  ownOrigin?: string,
): boolean {
  if (origin === "" && fetchSite === "") return false;
  if (origin !== "" && isNamed(origin, corsOrigins)) return false; // not `*`: with it, a server without keys does not start
  if (fetchSite !== "" && fetchSite !== "same-origin" && fetchSite !== "none") return true;
  return (
    origin !== "" && !isNamed(origin, ownOrigin === undefined ? [] : [ownOrigin]) && !isOriginOf(origin, host ?? "")
  );
}

export function isAllowedOrigin(origin: string, corsOrigins: readonly string[]): boolean {
  return corsOrigins.includes("*") || isNamed(origin, corsOrigins);
}

/** Scheme and host of an origin are compared without regard to case, and a scheme's own port counts as none. */
function isNamed(origin: string, origins: readonly string[]): boolean {
  return (
    origins.includes(origin) ||
    (WEB_ORIGIN.test(origin) && URL.canParse(origin) && origins.includes(new URL(origin).origin))
  );
}

/** Whether an origin and a Host header name the same host and port. "null", of a sandboxed page, names none. */
function isOriginOf(origin: string, host: string): boolean {
  if (!WEB_ORIGIN.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, host: ofOrigin } = new URL(origin);
  const url = `${protocol}//${host}`;
  return URL.canParse(url) && new URL(url).host === ofOrigin;
}
