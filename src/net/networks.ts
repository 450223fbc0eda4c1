/** IP networks that settings list, and whether an address is in one of them. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** The first address and the length of the prefix in bits. */
export type Network = readonly [Address, number];

const MAPPED_BITS = 96;

/**
 * Parses addresses and networks, separated by commas: `10.0.0.7, 192.168.0.0/16, fd00::/8`. An IPv4-mapped IPv6 address
 * or network is read as IPv4. @returns undefined if one of them is not valid
 */
export function parseNetworks(text: string): readonly Network[] | undefined {
  const networks = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseNetwork);
  return networks.every((network) => network !== undefined) ? Object.freeze(networks) : undefined;
}

function parseNetwork(text: string): Network | undefined {
  const [, address = "", bits] = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  if (isIP(address) === 0) return undefined; // ipaddr.js reads 10.1 as 10.0.0.1, and 010 as octal
  const parsed = ipaddr.parse(address);
  const maxBits = parsed.kind() === "ipv4" ? 32 : 128;
  const length = bits === undefined ? maxBits : Number(bits);
  if (length > maxBits) return undefined;
  const unmapped = withoutMapping(parsed);
  return unmapped === parsed || length < MAPPED_BITS ? [parsed, length] : [unmapped, length - MAPPED_BITS];
}

export function isInNetwork(address: Address, [base, bits]: Network): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** Whether a peer is in one of the networks. @param peer 4 or 16 bytes, none if the client has disconnected */
export function isPeerIn(peer: Uint8Array, networks: readonly Network[]): boolean {
  if (peer.length !== 4 && peer.length !== 16) return false;
  const address = withoutMapping(ipaddr.fromByteArray([...peer]));
  return networks.some((network) => isInNetwork(address, network));
}

/** The IPv4 address in an IPv4-mapped one, by which a socket for both families names its IPv4 peers. */
function withoutMapping(address: Address): Address {
  const isMapped = address.kind() === "ipv6" && (address as ipaddr.IPv6).isIPv4MappedAddress();
  return isMapped ? (address as ipaddr.IPv6).toIPv4Address() : address;
}
