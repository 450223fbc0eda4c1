import { describe, expect, it } from "vitest";
import { isForeignBrowser, isLoopback, isLoopbackHost } from "./protected-mode.ts";

const v6 = (...last: number[]) => [...Array<number>(16 - last.length).fill(0), ...last];

describe("protected mode", () => {
  it.each([
    [[127, 0, 0, 1], true],
    [[127, 9, 9, 9], true],
    [[10, 0, 0, 1], false],
    [[0, 0, 0, 0], false],
    [v6(1), true],
    [v6(2), false],
    [v6(0), false],
    [v6(0xff, 0xff, 127, 0, 0, 1), true],
    [v6(0xff, 0xff, 8, 8, 8, 8), false],
    [v6(127, 0, 0, 1), false],
    [[0x20, 1, ...Array<number>(13).fill(0), 1], false],
    [[], false],
  ])("takes the peer %j for this machine: %s", (address, expected) => {
    expect(isLoopback(Uint8Array.from(address))).toBe(expected);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.1.2.3", true],
    ["::1", true],
    ["localhost", true],
    ["", false],
    ["0.0.0.0", false],
    ["::", false],
    ["127.0.0.1.example.com", false],
  ])("knows that %s can be reached from this machine only: %s", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe("a browser on this machine", () => {
  const head = (fields: { origin?: string; fetchSite?: string; host?: string }) => ({ origin: "", fetchSite: "", host: "localhost:8080", ...fields });
  it.each([
    ["is no browser", head({ host: "anything" }), false],
    ["comes from this server's own page", head({ origin: "http://localhost:8080", fetchSite: "same-origin" }), false],
    ["opens a page of it", head({ fetchSite: "none" }), false],
    ["comes from another site", head({ origin: "https://evil.example.com", fetchSite: "cross-site" }), true],
    ["comes from a sandboxed page", head({ origin: "null" }), true],
    ["was sent here by another site", head({ fetchSite: "cross-site" }), true],
    ["was led here by a name", head({ fetchSite: "same-origin", host: "evil.example.com:8080" }), true],
    ["comes from a named site", head({ origin: "https://app.example.com" }), false],
  ])("that %s", (_what, fields, isForeign) => {
    expect(isForeignBrowser(fields, ["https://app.example.com"])).toBe(isForeign);
  });
});
