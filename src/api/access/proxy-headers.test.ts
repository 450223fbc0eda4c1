import { describe, expect, it } from "vitest";
import { readHead } from "../http/request-head.ts";
import { isProxyHeader } from "./proxy-headers.ts";

const OF_PROXIES = [
  ...[
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded",
    "forwarded-for",
  ],
  ...[
    "x-real-ip",
    "via",
    "max-forwards",
    "cdn-loop",
    "x-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "true-client-ip",
    "x-remote-ip",
    "x-remote-addr",
  ],
  ...[
    "cf-connecting-ip",
    "cf-ray",
    "cf-visitor",
    "cf-ipcountry",
    "fastly-client-ip",
    "fastly-ff",
    "x-azure-clientip",
    "x-arr-ssl",
    "x-appengine-user-ip",
    "x-amz-cf-id",
  ],
  ...[
    "x-envoy-external-address",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-original-forwarded-for",
    "x-original-url",
    "x-original-host",
    "x-rewrite-url",
  ],
  ...["x-request-start", "x-queue-start", "x-varnish", "x-scheme", "x-host", "x-proxyuser-ip", "tailscale-user-login"],
];
const OF_PROGRAMS = [
  ...[
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "keep-alive",
    "cache-control",
    "content-type",
    "content-length",
    "transfer-encoding",
  ],
  ...[
    "authorization",
    "cookie",
    "expect",
    "te",
    "upgrade",
    "origin",
    "referer",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-ch-ua",
    "dnt",
    "pragma",
    "prefer",
    "range",
    "if-none-match",
  ],
  ...[
    "idempotency-key",
    "last-event-id",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-requested-with",
    "x-api-key",
    "x-test",
  ],
  ...["viable", "client-version", "x-schema", "x-hosted", "x-originator"],
];

describe("headers of proxies", () => {
  it.each(OF_PROXIES)("%s indicates a proxy", (name) => {
    expect(isProxyHeader(name)).toBe(true);
    expect(readHead((visit) => visit(name, "")).isForwarded).toBe(true);
  });

  it.each(OF_PROGRAMS)("%s does not", (name) => {
    expect(readHead((visit) => visit(name, "x")).isForwarded).toBe(false);
  });

  it("distinguishes two Host headers from one", () => {
    const hostOf = (...hosts: string[]) =>
      readHead((visit) => {
        for (const host of hosts) visit("host", host);
      }).host;
    expect([hostOf(), hostOf(""), hostOf("a"), hostOf("", "a"), hostOf("a", ""), hostOf("a", "a")]).toEqual([
      undefined,
      "",
      "a",
      ", a",
      "a, ",
      "a, a",
    ]);
  });
});
