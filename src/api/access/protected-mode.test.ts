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
  ])("decides whether the peer %j is this machine: %s", (address, expected) => {
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
  ])("decides whether only this machine can reach %s: %s", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

describe("a browser on this machine", () => {
  const head = (fields: { origin?: string; fetchSite?: string; host?: string }) => ({
    origin: "",
    fetchSite: "",
    host: "localhost:8080",
    ...fields,
  });
  it.each([
    ["is no browser", head({ host: "anything" }), false],
    ["comes from this server's own page", head({ origin: "http://localhost:8080", fetchSite: "same-origin" }), false],
    [
      "comes from its own page, by an address",
      head({ origin: "http://192.168.1.7:8080", host: "192.168.1.7:8080" }),
      false,
    ],
    [
      "comes from its own page, by IPv6",
      head({ origin: "http://[::1]:8080", fetchSite: "same-origin", host: "[::1]:8080" }),
      false,
    ],
    ["comes from its own page, in capitals", head({ origin: "http://localhost:8080", host: "LOCALHOST:8080" }), false],
    ["comes from its own page on the usual port", head({ origin: "http://taskflow", host: "taskflow:80" }), false],
    [
      "comes from its own page behind a proxy with TLS",
      head({ origin: "https://jobs.example.com", host: "jobs.example.com" }),
      false,
    ],
    [
      "comes from the page of PUBLIC_URL, under another Host",
      head({ origin: "https://own.example.com", fetchSite: "same-origin", host: "127.0.0.1:8080" }),
      false,
    ],
    ["opens a page of it", head({ fetchSite: "none" }), false],
    ["reads from a page of it", head({ fetchSite: "same-origin" }), false],
    ["comes from a site in CORS_ORIGINS", head({ origin: "https://app.example.com", fetchSite: "cross-site" }), false],
    ["comes from another site", head({ origin: "https://evil.example.com", fetchSite: "cross-site" }), true],
    ["comes from another site, and sends no other header", head({ origin: "http://evil.example.com" }), true],
    ["comes from a sandboxed page", head({ origin: "null" }), true],
    ["comes from a sandboxed page of this server", head({ origin: "null", fetchSite: "same-origin" }), true],
    ["was sent here by another site", head({ fetchSite: "cross-site" }), true],
    ["was sent here by another port", head({ fetchSite: "same-site" }), true],
    ["was sent here in a way that is not known", head({ fetchSite: "same-planet" }), true],
    ["comes from another port", head({ origin: "http://localhost:3000", fetchSite: "same-site" }), true],
    ["comes from another port, and sends no other header", head({ origin: "http://localhost:3000" }), true],
    [
      "comes from another name of this machine",
      head({ origin: "http://127.0.0.1:8080", fetchSite: "cross-site" }),
      true,
    ],
    ["comes from a name below localhost", head({ origin: "http://evil.localhost:8080" }), true],
    ["comes from another scheme", head({ origin: "https://localhost:8080", fetchSite: "cross-site" }), true],
    ["comes from the port of another scheme", head({ origin: "https://localhost", host: "localhost:80" }), true],
    ["comes from an extension", head({ origin: "chrome-extension://localhost:8080" }), true],
    ["comes from a longer name", head({ origin: "http://localhost:8080.evil.test" }), true],
    ["comes from a name with a user", head({ origin: "http://localhost:8080@evil.test" }), true],
    ["comes from something that is no origin", head({ origin: "localhost:8080" }), true],
    ["comes from a page, without a Host", head({ origin: "http://localhost:8080", host: "" }), true],
    [
      "comes from a name that begins with an allowed origin",
      head({ origin: "https://app.example.com.evil.test" }),
      true,
    ],
  ])("that %s", (_what, fields, isForeign) => {
    expect(isForeignBrowser(fields, ["https://app.example.com", "*"], "https://own.example.com")).toBe(isForeign);
  });
});
