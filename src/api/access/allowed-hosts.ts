/**
 * Which Host headers are served if no key is required. The owner of a domain name can let it resolve to this machine; a
 * browser then treats a page of that name as this server's own (DNS rebinding). But the browser sends the name in Host,
 * which no page can change.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

export interface HostRules {
  /** ALLOWED_HOSTS: names in lower case, `*.example.com` for all below one, `*` for any Host. */
  readonly allowedHosts: readonly string[];
  /** TASKFLOW_AUTH=none. */
  readonly isOpenToAll: boolean;
  /** PUBLIC_URL; "" for none. */
  readonly publicUrl: string;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4"); // also on an IPv6 socket, as ::ffff:127.0.0.0/104
LOOPBACK.addAddress("::1", "ipv6");

/** `[address]` or `name`, with at most one trailing dot, and a port that may be empty (RFC 9110, 7.2). */
const HOST = /^(?:\[([\da-f:.]+(?:%[\w.%-]+)?)\]|([\w-]+(?:\.[\w-]+)*)\.?)(?::(\d{0,5}))?$/i;
const MAX_NAME_LENGTH = 255;
const MAX_PORT = 65_535;

/**
 * The name or address in a Host header, in lower case, IPv6 without brackets; undefined if it is not exactly one host.
 */
function nameOfHost(host: string): string | undefined {
  const [, address, name, port = ""] = host.length > MAX_NAME_LENGTH ? [] : (HOST.exec(host) ?? []);
  if (Number(port) > MAX_PORT) return undefined;
  if (address === undefined) return name?.toLowerCase();
  return isIPv6(address) ? shortest(address.toLowerCase()) : undefined;
}

/** An IPv6 address in the normal form of URLs, except with a zone, which URLs do not support. */
function shortest(address: string): string {
  return address.includes("%") ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/**
 * Whether a name always refers to this machine: `localhost`, names below it (RFC 6761, 6.3), and loopback addresses.
 */
function isLoopbackName(name: string): boolean {
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (isIPv4(name)) return LOOPBACK.check(name, "ipv4");
  return isIPv6(name) && !name.includes("%") && LOOPBACK.check(name, "ipv6");
}

/**
 * Makes the check of Host. Loopback names and the names of ALLOWED_HOSTS are always served. With TASKFLOW_AUTH=none, so
 * are the host of PUBLIC_URL, addresses, and names without a dot (of containers and machines), because a stranger
 * cannot own any of them in the public DNS. In protected mode they are not: they would admit requests from a proxy that
 * adds no header.
 */
export function hostCheck({ allowedHosts, isOpenToAll, publicUrl }: HostRules): (host: string) => boolean {
  if (allowedHosts.includes("*")) return () => true;
  const names = new Set(allowedHosts);
  const endings = allowedHosts.filter((name) => name.startsWith("*.")).map((name) => name.slice(1));
  if (isOpenToAll && publicUrl !== "") names.add(nameOfHost(new URL(publicUrl).host) ?? "");
  const isAllowed = (host: string): boolean => {
    const name = nameOfHost(host);
    if (name === undefined) return false;
    if (isLoopbackName(name) || names.has(name) || endings.some((ending) => name.endsWith(ending) && name !== ending))
      return true;
    return isOpenToAll && (isIP(name) !== 0 || !name.includes("."));
  };
  // Nearly all requests of a server have the same Host.
  let last = { host: "", isAllowed: false };
  return (host) => {
    if (host !== last.host) last = { host, isAllowed: isAllowed(host) };
    return last.isAllowed;
  };
}
