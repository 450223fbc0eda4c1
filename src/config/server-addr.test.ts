import { describe, expect, it } from "vitest";
import { parseServerAddr } from "./server-addr.ts";

describe("a server's address", () => {
  it.each([
    [":8080", { host: "", port: 8080 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["jobs.example.com:65535", { host: "jobs.example.com", port: 65_535 }],
    ["[::1]:8080", { host: "::1", port: 8080 }],
  ])("reads %s", (text, addr) => {
    expect(parseServerAddr(text)).toEqual(addr);
  });

  it.each(["", "8080", "localhost", "::1:8080", "host:65536", "host:-1", "http://host:80", "a b:1", "[host]:1"])(
    "refuses %j",
    (text) => {
      expect(parseServerAddr(text)).toBeUndefined();
    },
  );
});
