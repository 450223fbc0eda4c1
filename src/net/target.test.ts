import { describe, expect, it } from "vitest";
import { parseAllowed, rejectionOf } from "./address.ts";
import { parseTarget, TargetRejected, urlIssue } from "./target.ts";

const PRIVATE = [
  "127.0.0.1",
  "127.255.0.9",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "100.127.255.255",
  "::1",
  "fc00::1",
  "fdff::1",
];

const NEVER = [
  ...[
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
  ],
  ...[
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "::",
    "fe80::1",
    "febf::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
  ],
  ...[
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
  ],
  ...[
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:42::42",
    "168.63.129.16",
    "192.0.0.192",
  ],
  // metadata services, and other addresses of their networks
  ...[
    "fd00:ec2::253",
    "fd00:ec2::23",
    "fd00:ec2::7b",
    "fd00:ec2:ffff::1",
    "fd00:c1::a9fe:a9fe",
    "fd00:c1:1::1",
    "fd20:ce:ffff::1",
    "fd00:42:ffff::1",
    "fd00:a9fe:a9fe::1",
  ],
  ...["fd12:3456::a9fe:a9fe", "169.254.170.2", "169.254.169.123", "169.254.0.23", "169.254.255.255", "192.80.8.124"],
  ...[
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "::ffff:100.100.100.200",
    "::ffff:a83f:8110",
  ],
];

const PUBLIC = [
  "1.1.1.1",
  "8.8.8.8",
  "172.15.255.255",
  "172.32.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "2606:4700::1111",
  "2a00:1450:4001::1",
];

describe("the addresses", () => {
  it.each([...PRIVATE, ...NEVER])("rejects %s", (address) => {
    expect(rejectionOf(address, false)).toEqual(expect.any(String));
  });
  it.each(PUBLIC)("allows %s", (address) => {
    expect(rejectionOf(address, false)).toBeUndefined();
  });
  it.each(PRIVATE)("allows %s if private networks are allowed", (address) => {
    expect(rejectionOf(address, true)).toBeUndefined();
  });
  it.each(NEVER)("rejects %s even if private networks are allowed", (address) => {
    expect(rejectionOf(address, true)).toEqual(expect.any(String));
  });
});

describe("networks that OUTBOUND_ALLOW_PRIVATE lists", () => {
  it.each([
    [
      "10.1.0.0/16, fd12:3456::/32",
      ["10.1.255.255", "fd12:3456:ffff::1"],
      ["10.2.0.1", "fd12:3457::1", "127.0.0.1", "::ffff:10.1.0.1"],
    ],
    ["127.0.0.1/32", ["127.0.0.1"], ["127.0.0.2", "::1", "10.0.0.1"]],
    ["0.0.0.0/0,::/0", PRIVATE, NEVER],
    ["169.254.169.254/32,fd00:ec2::/32,100.100.100.200/32,192.0.0.192/32,::ffff:127.0.0.1/128", [], NEVER],
    ["true", PRIVATE, NEVER],
    [" TRUE ", PRIVATE, NEVER],
    ["false", [], PRIVATE],
    ["", [], PRIVATE],
  ])("%j opens only these", (setting, open, shut) => {
    const allowed = parseAllowed(setting);
    expect([...PUBLIC, ...open].filter((address) => rejectionOf(address, allowed) !== undefined)).toEqual([]);
    expect(shut.filter((address) => rejectionOf(address, allowed) === undefined)).toEqual([]);
  });

  it.each([
    "10/8",
    "10.0.0.0",
    "10.0.0.0/33",
    "010.0.0.0/8",
    "fd00::/129",
    "10.0.0.0/8,",
    "10.0.0.0/8 fd00::/8",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "yes",
    "intranet",
  ])("rejects %j", (setting) => {
    expect(() => parseAllowed(setting)).toThrow(/^OUTBOUND_ALLOW_PRIVATE: expected true, false, or networks/);
  });
});

describe("the URL", () => {
  it.each([
    ...[
      "http://127.0.0.1/",
      "http://2130706433/",
      "http://0x7f.1/",
      "http://017700000001/",
      "http://127.1/",
      "http://127.0.0.1./",
      "http://127.0.0.1:8080/",
    ],
    ...[
      "http://[::1]/",
      "http://[::ffff:7f00:1]/",
      "http://[::ffff:127.0.0.1]/",
      "http://0/",
      "https://169.254.169.254/latest/meta-data/",
      "http://%31%32%37.0.0.1/",
    ],
  ])("rejects the address in %s, however it is written", (url) => {
    expect(() => parseTarget(url, false)).toThrow(TargetRejected);
  });

  it("reads full-width digits as the address that they represent", () => {
    expect(() => parseTarget("http://\uff11\uff12\uff17.0.0.1/", false)).toThrow(
      /127\.0\.0\.1 is rejected \(loopback\)/,
    );
  });

  it.each([
    "metadata.google.internal",
    "METADATA.google.INTERNAL.",
    "metadata",
    "metadata.goog",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
    "%6detadata.google.internal",
  ])("rejects the name %s of a metadata service, which a proxy would look up", (name) => {
    for (const allowed of [false, true, parseAllowed("0.0.0.0/0")])
      expect(() => parseTarget(`http://${name}/computeMetadata/v1/`, allowed)).toThrow(/\(metadata\)$/);
  });

  it.each(["localhost", "LOCALHOST.", "a.localhost", "a.b.localhost.", "%6cocalhost", "ｌocalhost"])(
    "rejects %s without a look-up, and accepts it if loopback is allowed",
    (name) => {
      expect(() => parseTarget(`http://${name}/`, false)).toThrow(TargetRejected);
      expect(() => parseTarget(`http://${name}/`, parseAllowed("10.0.0.0/8"))).toThrow(TargetRejected);
      for (const setting of ["true", "127.0.0.0/8", "::1/128"])
        expect(parseTarget(`http://${name}/`, parseAllowed(setting)).protocol).toBe("http:");
      expect(parseTarget(`http://${name}.example/`, false).protocol).toBe("http:");
    },
  );

  it.each([
    ["hooks/1", "must be an absolute URL"],
    ["http://", "must be an absolute URL"],
    ["file:///etc/passwd", "must be an http or https URL"],
    ["gopher://example.com/", "must be an http or https URL"],
    ["https://user@example.com/", "must not carry credentials"],
    ["https://:word@example.com/", "must not carry credentials"],
  ])("rejects %s: it %s", (url, issue) => {
    expect(urlIssue(url)).toBe(issue);
    expect(() => parseTarget(url, true)).toThrow(expect.objectContaining({ code: "target_refused" }));
  });

  it("accepts a public address, and a name, whose addresses are checked when connecting", () => {
    expect(parseTarget("https://1.1.1.1/a?b", false).href).toBe("https://1.1.1.1/a?b");
    expect(parseTarget("HTTP://Example.org./", false).href).toBe("http://example.org./");
    expect(parseTarget("HTTP://Localhost./", true).href).toBe("http://localhost./");
    expect(parseTarget("http://[::1]/", true).hostname).toBe("[::1]");
  });
});
