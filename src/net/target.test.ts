import { describe, expect, it } from "vitest";
import { parseTarget, refusalOf, TargetRefused, urlFault } from "./target.ts";

const PRIVATE = ["127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fdff::1"];

const NEVER = [
  ...["0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "100.100.100.200", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"],
  ...["192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::", "fe80::1", "febf::1", "fe80::1%eth0", "fec0::1", "ff02::1"],
  ...["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"],
  ...["2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "168.63.129.16", "192.0.0.192"],
];

const PUBLIC = ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"];

describe("the addresses", () => {
  it.each([...PRIVATE, ...NEVER])("refuses %s", (address) => {
    expect(refusalOf(address, false)).toEqual(expect.any(String));
  });
  it.each(PUBLIC)("lets %s pass", (address) => {
    expect(refusalOf(address, false)).toBeUndefined();
  });
  it.each(PRIVATE)("lets %s pass where private networks are allowed", (address) => {
    expect(refusalOf(address, true)).toBeUndefined();
  });
  it.each(NEVER)("refuses %s even where private networks are allowed", (address) => {
    expect(refusalOf(address, true)).toEqual(expect.any(String));
  });
});

describe("the URL", () => {
  it.each([
    ...["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://017700000001/", "http://127.1/", "http://127.0.0.1./", "http://127.0.0.1:8080/"],
    ...["http://[::1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:127.0.0.1]/", "http://0/", "https://169.254.169.254/latest/meta-data/", "http://%31%32%37.0.0.1/"],
  ])("refuses the address in %s, however it is written", (url) => {
    expect(() => parseTarget(url, false)).toThrow(TargetRefused);
  });

  it("reads full-width digits as the address they stand for", () => {
    expect(() => parseTarget("http://\uff11\uff12\uff17.0.0.1/", false)).toThrow(/127\.0\.0\.1 is refused \(loopback\)/);
  });

  it.each([
    ["hooks/1", "must be an absolute URL"],
    ["http://", "must be an absolute URL"],
    ["file:///etc/passwd", "must be an http or https URL"],
    ["gopher://example.com/", "must be an http or https URL"],
    ["https://user@example.com/", "must not carry credentials"],
    ["https://:word@example.com/", "must not carry credentials"],
  ])("refuses %s: it %s", (url, fault) => {
    expect(urlFault(url)).toBe(fault);
    expect(() => parseTarget(url, true)).toThrow(expect.objectContaining({ code: "target_refused" }));
  });

  it("takes a public address, and a name, whose addresses are judged when it is connected to", () => {
    expect(parseTarget("https://1.1.1.1/a?b", false).href).toBe("https://1.1.1.1/a?b");
    expect(parseTarget("HTTP://Localhost./", false).href).toBe("http://localhost./");
    expect(parseTarget("http://[::1]/", true).hostname).toBe("[::1]");
  });
});
