/** Parses the files that configure the look-up of names, as the C library does, as far as it matters. */
import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";

/** More search domains than any real system has; each may cost a query. */
const MAX_SEARCHED = 16;
/** As in glibc. */
const MAX_NDOTS = 15;

function linesOf(text: string): string[][] {
  return text
    .split("\n")
    .map((line) =>
      line
        .replace(/[#;].*/, "")
        .trim()
        .split(/\s+/),
    )
    .filter(([first]) => first !== "");
}

/** hosts(5): the addresses of each name. */
export function parseHosts(text: string): ReadonlyMap<string, readonly LookupAddress[]> {
  const byName = new Map<string, LookupAddress[]>();
  for (const [address = "", ...names] of linesOf(text)) {
    // an address with a zone is link-local, which is always rejected
    const family = address.includes("%") ? 0 : isIP(address);
    if (family === 0) continue;
    for (const name of names.map((given) => given.toLowerCase())) {
      const known = byName.get(name) ?? [];
      if (!known.some((one) => one.address === address)) byName.set(name, [...known, { address, family }]);
    }
  }
  return byName;
}

export interface SearchRules {
  readonly domains: readonly string[];
  /** A name with at least this many dots is queried without a search domain first. */
  readonly ndots: number;
}

/**
 * Parses resolv.conf(5), without its name servers, which c-ares reads itself.
 * @param hostname of this machine, whose domain is searched by default
 */
export function parseSearch(text: string, hostname: string): SearchRules {
  let domains = hostname.includes(".") ? [hostname.slice(hostname.indexOf(".") + 1)] : [];
  let ndots = 1;
  for (const [keyword, ...values] of linesOf(text)) {
    if (keyword === "search" || keyword === "domain") domains = values;
    if (keyword !== "options") continue;
    for (const option of values)
      if (/^ndots:\d+$/.test(option)) ndots = Math.min(MAX_NDOTS, Number(option.slice("ndots:".length)));
  }
  const searched = domains.map((domain) => domain.replace(/^\.|\.$/g, "")).filter((domain) => domain !== "");
  return { domains: searched.slice(0, MAX_SEARCHED), ndots };
}

/** The names to query in turn until one exists. */
export function candidatesOf(name: string, { domains, ndots }: SearchRules): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const searched = domains.map((domain) => `${name}.${domain}`);
  return name.split(".").length > ndots ? [name, ...searched] : [...searched, name];
}

/** nsswitch.conf(5): whether the system may find names that neither the hosts file nor the DNS has (mDNS, LDAP). */
export function parseOtherSources(text: string): boolean {
  const line = linesOf(text).find(([keyword]) => keyword === "hosts:") ?? [];
  return line
    .slice(1)
    .some((source) => !source.startsWith("[") && !source.endsWith("]") && source !== "files" && source !== "dns");
}
