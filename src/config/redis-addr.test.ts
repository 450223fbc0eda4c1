import { describe, expect, it } from "vitest";
import { redactUrl } from "../observability/redacted-url.ts";
import { parseRedisAddr, parseRedisTarget, parseSentinelAddr, redisAddrIssue } from "./redis-addr.ts";

describe("the address of Redis", () => {
  it.each([
    ["cache:6380", { host: "cache", port: 6380, url: "redis://cache:6380" }],
    ["cache", { host: "cache", port: 6379, url: "redis://cache:6379" }],
    ["[::1]:6379", { host: "::1", port: 6379, url: "redis://[::1]:6379" }],
    ["redis://cache", { host: "cache", port: 6379, url: "redis://cache" }],
    ["redis://:secret@10.0.0.1:7000/2", { host: "10.0.0.1", port: 7000, url: "redis://:secret@10.0.0.1:7000/2" }],
    ["rediss://app:p%2Fw@[::1]:7000", { host: "::1", port: 7000, url: "rediss://app:p%2Fw@[::1]:7000" }],
    [
      "redis+sentinel://:pw@one,two:7001/main/3",
      { host: "one", port: 26379, url: "redis+sentinel://:pw@one,two:7001/main/3" },
    ],
  ])("reads %s", (text, addr) => {
    expect(parseRedisAddr(text)).toEqual(addr);
  });

  it.each([
    [
      "unix:///run/redis.sock",
      { path: "/run/redis.sock", user: undefined, password: undefined, database: 0, isTls: false },
    ],
    ["unix:///run/a%20b.sock?db=3", { path: "/run/a b.sock", database: 3 }],
    ["unix://app:p%2Fw@/run/redis.sock", { path: "/run/redis.sock", user: "app", password: "p/w" }],
    [
      "redis://app:p%2Fw@one/7",
      { path: undefined, host: "one", port: 6379, user: "app", password: "p/w", database: 7, isTls: false },
    ],
    [
      "rediss://one?cafile=/etc/ca.pem&servername=cache",
      { isTls: true, tls: { cafile: "/etc/ca.pem", servername: "cache" } },
    ],
    ["rediss://one/1?certfile=/c.pem&keyfile=/k.pem", { database: 1, tls: { certfile: "/c.pem", keyfile: "/k.pem" } }],
  ])("parses the target of %s", (text, target) => {
    expect(parseRedisTarget(text)).toMatchObject(target);
    expect(parseRedisAddr(text)).toMatchObject(
      text.startsWith("unix:") ? { host: parseRedisTarget(text)?.path, port: 0, url: text } : {},
    );
  });

  it.each([
    [
      "rediss://one?rejectUnauthorized=false",
      "no parameter rejectUnauthorized (those of rediss:// are: cafile, certfile, keyfile, servername)",
    ],
    [
      "rediss://one?cafile=/ca.pem&ssl_cert_reqs=none&tls.rejectUnauthorized=false",
      "no parameter ssl_cert_reqs, tls.rejectUnauthorized (those of rediss:// are: cafile, certfile, keyfile, servername)",
    ],
    ["redis://one?db=2", "no parameter db (those of redis:// are: none)"],
    ["redis://one/2?cafile=/ca.pem", "no parameter cafile (those of redis:// are: none)"],
    [
      "redis+sentinel://one/main?db=1",
      "no parameter db (those of redis+sentinel:// are: sentinel_user, sentinel_password)",
    ],
    ["rediss://one?certfile=/c.pem", "certfile and keyfile together"],
    ["rediss://one?cafile=", "one value of the parameter cafile"],
    ["unix:///run/redis.sock?db=1&db=2", "one value of the parameter db"],
    ["redis:///run/redis.sock", "unix:///PATH for a Unix socket"],
    ["/run/redis.sock", "unix:///PATH for a Unix socket"],
    ["unix:/run/redis.sock", "unix:///PATH for a Unix socket"],
    ["nothing:at:all", undefined],
  ])("names the issue of %s", (text, issue) => {
    expect(parseRedisAddr(text)).toBeUndefined();
    expect(redisAddrIssue(text)).toBe(issue);
  });

  it.each([
    "unix://",
    "unix:///",
    "unix:///run/redis.sock?db=x",
    "unix://host/run/redis.sock",
    ":6379",
    "cache:0",
    "cache:99999",
    "http://cache",
    "redis://",
    "redis://cache/zero",
    "redis://app:1/2@cache",
    "redis://app:p@ss@cache",
    "redis://cache#1",
  ])("rejects %j", (text) => {
    expect(parseRedisAddr(text)).toBeUndefined();
  });
});

describe("the address of Sentinels", () => {
  const bare = {
    database: 0,
    isTls: false,
    user: undefined,
    password: undefined,
    sentinelUser: undefined,
    sentinelPassword: undefined,
  };

  it.each([
    [
      "redis+sentinel://one:26380/my-master.1",
      { ...bare, sentinels: [{ host: "one", port: 26380 }], masterName: "my-master.1" },
    ],
    [
      "REDIS+sentinel://one,[::1]:7000,10.0.0.1/main/2",
      {
        ...bare,
        sentinels: [
          { host: "one", port: 26379 },
          { host: "::1", port: 7000 },
          { host: "10.0.0.1", port: 26379 },
        ],
        masterName: "main",
        database: 2,
      },
    ],
    [
      "rediss+sentinel://app:p%2Fw@one/main?sentinel_user=looker&sentinel_password=s%26t",
      {
        sentinels: [{ host: "one", port: 26379 }],
        masterName: "main",
        database: 0,
        isTls: true,
        user: "app",
        password: "p/w",
        sentinelUser: "looker",
        sentinelPassword: "s&t",
      },
    ],
    [
      "redis+sentinel://:secret@one/main",
      { ...bare, sentinels: [{ host: "one", port: 26379 }], masterName: "main", password: "secret" },
    ],
  ])("reads %s", (text, addr) => {
    expect(parseSentinelAddr(text)).toEqual(addr);
  });

  it.each([
    "redis://one/0",
    "redis+sentinel://one",
    "redis+sentinel://one/",
    "redis+sentinel:///main",
    "redis+sentinel://one,/main",
    "redis+sentinel://one:0/main",
    "redis+sentinel://one/main/zero",
    "redis+sentinel://one/ma in",
    "redis+sentinel://app:p@ss@one/main",
    "redis+sentinel://app:100%@one/main",
    "redis+sentinel://app:%ff@one/main",
    "redis+sentinel://one/main?db=1",
    "http+sentinel://one/main",
  ])("rejects %j", (text) => {
    expect(parseSentinelAddr(text)).toBeUndefined();
    if (text.includes("+")) expect(parseRedisAddr(text)).toBeUndefined();
  });

  it("is printed without its passwords", () => {
    expect(
      redactUrl("redis+sentinel://app:hunter2@one,two:7000/main/1?sentinel_user=looker&sentinel_password=hunter2"),
    ).toBe("redis+sentinel://app:***@one,two:7000/main/1?sentinel_user=looker&sentinel_password=***");
  });
});
