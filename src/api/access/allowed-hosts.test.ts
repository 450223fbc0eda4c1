import { describe, expect, it } from "vitest";
import { hostCheck } from "./allowed-hosts.ts";

const rules = { allowedHosts: [], isOpenToAll: false, publicUrl: "" };
const isProtected = hostCheck(rules);
const isOpen = hostCheck({ ...rules, isOpenToAll: true });

describe("the check of Host", () => {
  it.each([
    // names that always refer to this machine
    ["localhost", true, true],
    ["localhost:8080", true, true],
    ["LocalHost:8080", true, true],
    ["localhost.", true, true],
    ["localhost.:8080", true, true],
    ["localhost:", true, true],
    ["localhost:0", true, true],
    ["localhost:65535", true, true],
    ["taskflow.localhost", true, true],
    ["a.b.localhost.", true, true],
    ["127.0.0.1", true, true],
    ["127.0.0.1:8080", true, true],
    ["127.0.0.1.", true, true],
    ["127.255.255.254:1", true, true],
    ["[::1]", true, true],
    ["[::1]:8080", true, true],
    ["[0:0:0:0:0:0:0:1]", true, true],
    ["[::0001]:80", true, true],
    ["[::ffff:127.0.0.1]:8080", true, true],
    ["[::FFFF:7f00:1]", true, true],
    // addresses, and names that a stranger cannot own in the public DNS
    ["10.1.2.3:8080", false, true],
    ["192.168.1.7", false, true],
    ["0.0.0.0:8080", false, true],
    ["8.8.8.8", false, true],
    ["[::]", false, true],
    ["[fd00::7]:8080", false, true],
    ["[::ffff:10.0.0.1]", false, true],
    ["[::127.0.0.1]", false, true],
    ["[fe80::1%eth0]:8080", false, true],
    ["[fe80::1%25eth0]", false, true],
    ["[::1%lo]", false, true],
    ["taskflow", false, true],
    ["taskflow:8080", false, true],
    ["taskflow_api-1", false, true],
    ["TASKFLOW.", false, true],
    ["2130706433", false, true],
    ["0x7f000001", false, true],
    // names of others, and invalid hosts
    ["", false, false],
    [" ", false, false],
    [".", false, false],
    [":8080", false, false],
    ["evil.test", false, false],
    ["evil.test:8080", false, false],
    ["evil.test.", false, false],
    ["127.0.0.1.evil.test", false, false],
    ["localhost.evil.test", false, false],
    ["evil-localhost.test", false, false],
    ["evillocalhost.test:8080", false, false],
    ["127.0.0.1.nip.io", false, false],
    ["127.1", false, false],
    ["127.0.1", false, false],
    ["0177.0.0.1", false, false],
    ["0x7f.0.0.1", false, false],
    ["127.0.0.256", false, false],
    ["127.0.0.01", false, false],
    ["1127.0.0.1", false, false],
    ["jobs.local", false, false],
    ["taskflow.default.svc.cluster.local", false, false],
    ["xn--mller-kva.test", false, false],
    ["müller", false, false],
    ["ⓛocalhost", false, false],
    ["localhost\u3002", false, false],
    ["%6cocalhost", false, false],
    ["localhost%00.evil.test", false, false],
    ["localhost..", false, false],
    ["..localhost", false, false],
    [".localhost", false, false],
    ["user@localhost", false, false],
    ["localhost@evil.test", false, false],
    ["user:password@localhost:8080", false, false],
    ["http://localhost", false, false],
    ["localhost/", false, false],
    ["localhost?x", false, false],
    ["localhost#", false, false],
    ["localhost\\evil.test", false, false],
    ["localhost:80:80", false, false],
    ["localhost:65536", false, false],
    ["localhost:99999", false, false],
    ["localhost:+80", false, false],
    ["localhost:-1", false, false],
    ["localhost:8o80", false, false],
    ["localhost:000080", false, false],
    ["localhost 8080", false, false],
    ["localhost, evil.test", false, false],
    ["evil.test, localhost", false, false],
    ["localhost,localhost", false, false],
    ["localhost;evil.test", false, false],
    ["::1", false, false],
    ["::1:8080", false, false],
    ["[::1", false, false],
    ["::1]", false, false],
    ["[[::1]]", false, false],
    ["[::1]evil.test", false, false],
    ["[::1].evil.test", false, false],
    ["evil.test[::1]", false, false],
    ["[127.0.0.1]", false, false],
    ["[localhost]", false, false],
    ["[::1%]", false, false],
    ["[::1%lo]evil.test", false, false],
    ["[::g]", false, false],
    ["[::ffff:127.0.0.1.evil.test]", false, false],
    [`${"a.".repeat(200)}localhost`, false, false],
    [`[${"0".repeat(300)}::1]`, false, false],
  ])("%j: in protected mode %s, with TASKFLOW_AUTH=none %s", (host, inProtectedMode, withoutAuth) => {
    expect([isProtected(host), isOpen(host)]).toEqual([inProtectedMode, withoutAuth]);
    // The second check uses the remembered result.
    expect([isProtected(host), isOpen(host)]).toEqual([inProtectedMode, withoutAuth]);
  });

  it.each([false, true])("accepts the names of ALLOWED_HOSTS (TASKFLOW_AUTH=none: %s)", (isOpenToAll) => {
    const isAllowed = hostCheck({
      ...rules,
      isOpenToAll,
      allowedHosts: ["jobs.example.com", "*.svc.cluster.local", "fd00::7"],
    });
    const hosts = [
      "jobs.example.com",
      "JOBS.example.com.:443",
      "a.svc.cluster.local",
      "a.b.svc.cluster.local:80",
      "[fd00:0:0::7]:80",
      "localhost",
    ];
    expect(hosts.filter((host) => !isAllowed(host))).toEqual([]);
    const others = [
      "example.com",
      "a.jobs.example.com",
      "svc.cluster.local",
      ".svc.cluster.local",
      "svc.cluster.local.evil.test",
      "xsvc.cluster.local",
      "evil.test",
      "*.svc.cluster.local",
      "",
    ];
    expect(others.filter(isAllowed)).toEqual([]);
  });

  it("accepts any Host if ALLOWED_HOSTS is *", () => {
    const isAllowed = hostCheck({ ...rules, allowedHosts: ["*"] });
    expect([isAllowed("evil.test"), isAllowed("")]).toEqual([true, true]);
  });

  it("accepts the host of PUBLIC_URL with TASKFLOW_AUTH=none, but not in protected mode, where a proxy may pass it on", () => {
    const publicUrl = "https://jobs.example.com:8443/taskflow";
    const open = hostCheck({ ...rules, isOpenToAll: true, publicUrl });
    expect([open("jobs.example.com"), open("jobs.example.com:8443"), open("evil.test")]).toEqual([true, true, false]);
    expect(hostCheck({ ...rules, publicUrl })("jobs.example.com")).toBe(false);
  });
});
