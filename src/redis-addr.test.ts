import { describe, expect, it } from "vitest";
import { parseRedisAddr } from "./redis-addr.ts";

describe("the address of Redis", () => {
  it.each([
    ["cache:6380", { host: "cache", port: 6380, url: "redis://cache:6380" }],
    ["cache", { host: "cache", port: 6379, url: "redis://cache:6379" }],
    ["[::1]:6379", { host: "::1", port: 6379, url: "redis://[::1]:6379" }],
    ["redis://cache", { host: "cache", port: 6379, url: "redis://cache" }],
    ["redis://:secret@10.0.0.1:7000/2", { host: "10.0.0.1", port: 7000, url: "redis://:secret@10.0.0.1:7000/2" }],
    ["rediss://app:p%2Fw@[::1]:7000", { host: "::1", port: 7000, url: "rediss://app:p%2Fw@[::1]:7000" }],
  ])("reads %s", (text, addr) => {
    expect(parseRedisAddr(text)).toEqual(addr);
  });

  it.each([":6379", "cache:0", "cache:99999", "http://cache", "redis://", "redis://cache/zero", "redis://app:1/2@cache", "redis://app:p@ss@cache", "redis://cache#1"])("refuses %j", (text) => {
    expect(parseRedisAddr(text)).toBeUndefined();
  });
});
