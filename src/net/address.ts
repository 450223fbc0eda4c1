/**
 * Decides which addresses callers may reach, and which ones OUTBOUND_ALLOW_PRIVATE opens in addition to public ones.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { StartError } from "../errors.ts";
import type { Address, Network } from "./networks.ts";
import { isInNetwork } from "./networks.ts";

/** The private networks that callers may reach: none, all, or the listed ones. */
export type Allowed = boolean | readonly Network[];

/**
 * The ranges that OUTBOUND_ALLOW_PRIVATE may open. Link-local is not one of them, because cloud metadata is there and
 * callers need nothing else there.
 */
const PRIVATE_RANGES = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);

/**
 * Metadata services within private networks, and Azure's, which has a public address. They hand out credentials, so no
 * setting opens them. AWS (EKS Pod Identity and DNS too), Oracle, Google, Scaleway and Linode over IPv6, the whole
 * network of each; Alibaba Cloud; Azure; Equinix. Link-local services and Oracle's classic 192.0.0.192 are outside
 * every range that can be opened.
 */
const METADATA_NETWORKS = [
  ...["fd00:ec2::/32", "fd00:c1::/32", "fd20:ce::/32", "fd00:42::/32", "fd00:a9fe:a9fe::/48"],
  ...["100.100.100.200/32", "168.63.129.16/32", "192.80.8.124/32"],
].map(networkOf);

/** Names that clouds give their metadata services. */
const METADATA_NAMES = new Set([
  ...[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.google.com",
    "instance-data",
    "instance-data.ec2.internal",
    "rancher-metadata",
  ],
  ...[
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "api.metadata.cloud.ibm.com",
  ],
  ...[
    "metadata.oraclecloud.com",
    "metadata.vultr.com",
    "metadata.exoscale.com",
    "metadata.nebius.internal",
    "metadata.service.consul",
  ],
]);

/** The assigned global unicast addresses of IPv6 (RFC 4291, IANA); ipaddr.js calls unassigned ones `unicast` too. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");

/** Whether a cloud has its metadata service under this name. @param name in lower case, without a dot at its end */
export function isMetadataName(name: string): boolean {
  return METADATA_NAMES.has(name);
}

/**
 * Why an address is rejected, as the name of its range, or undefined if it may be connected to. Global unicast is
 * allowed, and so are the private networks in `allowed`. IPv6 forms that embed an IPv4 address (mapped, 6to4, NAT64)
 * are all rejected, because each would be a second spelling of an address.
 * @param address an IP address as a resolver or the WHATWG URL parser writes it, without brackets
 */
export function rejectionOf(address: string, allowed: Allowed): string | undefined {
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (isMetadata(parsed)) return "metadata";
  if (range === "unicast") return parsed.kind() === "ipv4" || parsed.match(GLOBAL_IPV6) ? undefined : "unassigned";
  return PRIVATE_RANGES.has(range) && isWithin(parsed, allowed) ? undefined : range;
}

/** Clouds that offer metadata over IPv6 usually end its address with the IPv4 one, 169.254.169.254. */
function isMetadata(address: Address): boolean {
  if (METADATA_NETWORKS.some((network) => isInNetwork(address, network))) return true;
  if (address.kind() === "ipv4") return false;
  const { parts } = address as ipaddr.IPv6;
  return parts[6] === 0xa9fe && parts[7] === 0xa9fe;
}

function isWithin(address: Address, allowed: Allowed): boolean {
  return typeof allowed === "boolean" ? allowed : allowed.some((network) => isInNetwork(address, network));
}

function networkOf(text: string): Network {
  return ipaddr.parseCIDR(text);
}

/**
 * Parses OUTBOUND_ALLOW_PRIVATE: `true`, `false`, or networks separated by commas, `10.1.0.0/16,fd12:3456::/32`.
 * @throws {StartError} the setting is none of these
 */
export function parseAllowed(setting: boolean | string): Allowed {
  const bare = String(setting).trim().toLowerCase();
  if (["", "false", "0"].includes(bare)) return false;
  if (["true", "1"].includes(bare)) return true;
  return bare.split(",").map((part) => {
    const network = part.trim();
    const [address = "", bits = ""] = network.split("/");
    // ipaddr.js reads `10/8` as 0.0.0.10/8, and 010 as octal
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits) || !ipaddr.isValidCIDR(network)) {
      throw new StartError(
        `OUTBOUND_ALLOW_PRIVATE: expected true, false, or networks such as 10.1.0.0/16, separated by commas, got "${network}"`,
      );
    }
    return networkOf(network);
  });
}
