/**
 * Protected mode, as in Redis: without keys the server may listen anywhere, but serves only this machine. A proxy on this
 * machine speaks for others, so its requests count as theirs; and so do pages of other sites in a browser on this machine.
 */
import { problem } from "./problem.ts";
import type { RequestHead } from "./request-head.ts";

export const PROTECTED = problem(
  403,
  "protected_mode",
  "This server has no API keys, so it serves only requests from its own machine that no proxy passed on. To serve others, give it keys (TASKFLOW_API_KEYS, or taskflow keys create); to serve everyone who can reach it, without keys, set TASKFLOW_AUTH=none.",
);

export const CROSS_ORIGIN = problem(
  403,
  "cross_origin",
  "This server has no API keys, so it does not serve pages of other sites. Name the site in CORS_ORIGINS, or give the server keys.",
);

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
 * Whether a browser asks for a page that this server did not make: one of another site, or of a name that was made to
 * lead here (DNS rebinding). Programs send neither `Origin` nor `Sec-Fetch-Site`, and are not asked for a host.
 */
export function isForeignBrowser({ origin, fetchSite, host }: Pick<RequestHead, "origin" | "fetchSite" | "host">, corsOrigins: readonly string[]): boolean {
  if (origin === "" && fetchSite === "") return false;
  if (origin !== "") return !isAllowedOrigin(origin, corsOrigins) && !isLocalName(hostOfOrigin(origin));
  return fetchSite === "cross-site" || !isLocalName(host.replace(/:\d+$/, ""));
}

export function isAllowedOrigin(origin: string, corsOrigins: readonly string[]): boolean {
  return corsOrigins.includes(origin) || corsOrigins.includes("*");
}

function hostOfOrigin(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : ""; // "null", of a sandboxed page, is none
}

function isLocalName(name: string): boolean {
  return isLoopbackHost(name.replace(/^\[|\]$/g, "")) || name.endsWith(".localhost");
}
