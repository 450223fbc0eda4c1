import { isIPv6 } from "node:net";
import { describe, expect, it } from "vitest";
import { isPeerIn, parseNetworks } from "./networks.ts";

/** The bytes of an address, as the servers report it: by means other than the library under test. */
function bytesOf(address: string): Uint8Array {
  if (!isIPv6(address)) return Uint8Array.from(address.split("."), Number);
  const [before = "", after = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (half: string): string[] => (half === "" ? [] : half.split(":"));
  const zeros = Array<string>(8 - groups(before).length - groups(after).length).fill("0");
  return Uint8Array.from(
    [...groups(before), ...zeros, ...groups(after)].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    }),
  );
}

describe("a peer", () => {
  it.each([
    ["10.0.0.7", "10.0.0.7", true],
    ["10.0.0.7", "10.0.0.8", false],
    ["10.0.0.7/32", "10.0.0.7", true],
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.1.2.3/8", "10.9.9.9", true],
    ["10.0.0.0/31", "10.0.0.1", true],
    ["10.0.0.0/31", "10.0.0.2", false],
    [" 192.168.1.1 , 10.0.0.0/8,, ", "10.2.3.4", true],
    [" 192.168.1.1 , 10.0.0.0/8,, ", "192.168.1.2", false],
    ["fd00::/8", "fdff::1", true],
    ["FD00::/8", "fc00::1", false],
    ["::1", "::1", true],
    ["::1", "::2", false],
    ["::1", "0.0.0.1", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    // an IPv4-mapped address counts as IPv4, as a peer and in the setting
    ["10.0.0.0/8", "::ffff:10.0.0.7", true],
    ["10.0.0.7", "::ffff:a00:7", true],
    ["::/0", "::ffff:10.0.0.7", false],
    ["0.0.0.0/0", "::ffff:10.0.0.7", true],
    ["::ffff:10.0.0.7", "10.0.0.7", true],
    ["::ffff:10.0.0.0/104", "10.9.9.9", true],
    ["::ffff:10.0.0.0/104", "11.0.0.0", false],
    ["::ffff:10.0.0.7/128", "::ffff:10.0.0.7", true],
    // and no other form that embeds an IPv4 address
    ["10.0.0.7", "::a00:7", false],
    ["10.0.0.7", "64:ff9b::a00:7", false],
    ["", "127.0.0.1", false],
  ])("in %j: %s is %s", (networks, address, expected) => {
    expect(isPeerIn(bytesOf(address), parseNetworks(networks) ?? [])).toBe(expected);
  });

  it("that has disconnected is in no network", () => {
    expect(isPeerIn(new Uint8Array(0), parseNetworks("0.0.0.0/0,::/0") ?? [])).toBe(false);
  });
});

it.each([
  ...["10.1", "010.0.0.1", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8.", "10.0.0.0/0x8"],
  ...["::1/129", "[::1]", "fe80::1%eth0", "10.0.0.1:80", "localhost", "*", "10.0.0.1 10.0.0.2", "/8", "::ffff:1.2.3"],
  ...["10.0.0.0/255.0.0.0", "10.0.0.1,nginx", "10.0.0.1-10.0.0.9", "1234", "0x7f000001"],
])("%j is no list of networks", (text) => {
  expect(parseNetworks(text)).toBeUndefined();
});
