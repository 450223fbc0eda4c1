/** Which targets the program may be sent to by a caller: the rules for URLs and for the addresses behind them. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { PermanentError } from "../core/job-type.ts";

/** The URL, or every address it leads to, is one that callers may not reach. No repeat mends it. */
export class TargetRefused extends PermanentError {
  constructor(message: string) {
    super(message, { code: "target_refused" });
    this.name = "TargetRefused";
  }
}

/** The networks that OUTBOUND_ALLOW_PRIVATE opens. Link-local is not among them: nothing lives there that callers need, but cloud metadata does. */
const PRIVATE_RANGES = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);

/** Metadata services outside link-local (AWS and Google over IPv6, Scaleway, Alibaba Cloud, Azure): they hand out credentials, so they stay shut. */
const METADATA_ADDRESSES = new Set(["fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "100.100.100.200", "168.63.129.16"]);

/** All that is assigned as global unicast in IPv6 (RFC 4291, IANA); ipaddr.js calls the unassigned rest `unicast` too. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");

/**
 * Why an address is refused, as the name of its range, or undefined when it may be connected to. Allowed is global
 * unicast, and with `allowPrivate` the private networks. IPv6 forms that embed an IPv4 address (mapped, 6to4, NAT64)
 * are refused whole: they would be a second spelling of an address refused here.
 * @param address an IP address as a resolver or the WHATWG URL parser writes it, without brackets
 */
export function refusalOf(address: string, allowPrivate: boolean): string | undefined {
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (METADATA_ADDRESSES.has(parsed.toString())) return "metadata";
  if (range === "unicast") return parsed.kind() === "ipv4" || parsed.match(GLOBAL_IPV6) ? undefined : "unassigned";
  return allowPrivate && PRIVATE_RANGES.has(range) ? undefined : range;
}

/** What is wrong with a URL as a target, without looking at its address: one clause, or undefined for a good one. */
export function urlFault(url: string): string | undefined {
  if (!URL.canParse(url)) return "must be an absolute URL";
  const { protocol, username, password } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return "must be an http or https URL";
  if (username !== "" || password !== "") return "must not carry credentials";
  return undefined;
}

/**
 * Parses a target. An address written in the URL is judged here, because no look-up happens for it when the socket
 * connects; the parser has already brought `2130706433`, `0x7f.1` and their like to `127.0.0.1` (WHATWG URL).
 * @throws {TargetRefused}
 */
export function parseTarget(url: string, allowPrivate: boolean): URL {
  const fault = urlFault(url);
  if (fault !== undefined) throw new TargetRefused(`the URL ${fault}`);
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const refusal = isIP(host) === 0 ? undefined : refusalOf(host, allowPrivate);
  if (refusal !== undefined) throw new TargetRefused(`the address ${host} is refused (${refusal})`);
  return target;
}
