/** The part of a client's address that distinguishes callers. */

const MAPPED_PREFIX = "00000000000000000000ffff";
/** Hexadecimal digits of a /64 network: one subscriber may use any IPv6 address in it. */
const NETWORK_DIGITS = 16;

/** @param address 4 or 16 bytes, none if the client has disconnected */
export function peerName(address: ArrayBuffer): string {
  const digits = Buffer.from(address).toString("hex");
  if (digits.startsWith(MAPPED_PREFIX)) return digits.slice(MAPPED_PREFIX.length);
  return digits.slice(0, NETWORK_DIGITS);
}
