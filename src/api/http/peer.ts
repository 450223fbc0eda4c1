/** The address of a request's peer, as far as it tells one caller from another. */

const MAPPED_PREFIX = "00000000000000000000ffff";
/** Hexadecimal digits of the network of a subscriber in IPv6, who may use any address in it. */
const NETWORK_DIGITS = 16;

/** @param address 4 or 16 bytes, none when the peer has gone */
export function peerName(address: ArrayBuffer): string {
  const digits = Buffer.from(address).toString("hex");
  if (digits.startsWith(MAPPED_PREFIX)) return digits.slice(MAPPED_PREFIX.length);
  return digits.slice(0, NETWORK_DIGITS);
}
