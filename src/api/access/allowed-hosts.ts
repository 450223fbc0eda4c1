/**
 * Which Host headers are served where no key is required. The owner of a name can make it lead to this machine, and a page of that name
 * then counts as this server's own in a browser (DNS rebinding). But the browser sends the name in Host, and no page can change that.
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
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4"); // and its addresses on an IPv6 socket, ::ffff:127.0.0.0/104
LOOPBACK.addAddress("::1", "ipv6");

/** `[address]` or `name`, with one dot at its end at most, and a port that may be empty (RFC 9110, 7.2). */
const HOST = /^(?:\[([\da-f:.]+(?:%[\w.%-]+)?)\]|([\w-]+(?:\.[\w-]+)*)\.?)(?::(\d{0,5}))?$/i;
const MAX_NAME_LENGTH = 255;
const MAX_PORT = 65_535;

/** The name or address in a Host header, in lower case, IPv6 without brackets; undefined for what is none, or more than one. */
export function nameOfHost(host: string): string | undefined {
  const [, address, name, port = ""] = host.length > MAX_NAME_LENGTH ? [] : (HOST.exec(host) ?? []);
  if (Number(port) > MAX_PORT) return undefined;
  if (address === undefined) return name?.toLowerCase();
  return isIPv6(address) ? shortest(address.toLowerCase()) : undefined;
}

/** An address of IPv6 as URLs have it: one way of writing for each. A zone has none in URLs, and stays as it is. */
function shortest(address: string): string {
  return address.includes("%") ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** Whether a name always leads to this machine: `localhost` and the names below it (RFC 6761, 6.3), and the addresses of loopback. */
export function isLoopbackName(name: string): boolean {
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (isIPv4(name)) return LOOPBACK.check(name, "ipv4");
  return isIPv6(name) && !name.includes("%") && LOOPBACK.check(name, "ipv6");
}

/**
 * The check of Host by these rules. Loopback names, and those that ALLOWED_HOSTS names, are served always. With TASKFLOW_AUTH=none, so are
 * the host of PUBLIC_URL, addresses, and names without a dot (of containers and machines): none of them can be a name that
 * a stranger owns in the public DNS. In protected mode those would let in what a proxy passes on, where it adds no header of its own.
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
  // Nearly all requests of a server bear the same Host.
  let last = { host: "", isAllowed: false };
  return (host) => {
    if (host !== last.host) last = { host, isAllowed: isAllowed(host) };
    return last.isAllowed;
  };
}
