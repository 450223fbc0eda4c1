import { Compile } from "typebox/compile";
import { expect, it } from "vitest";
import webhook from "./webhook.ts";

type Payload = Parameters<typeof webhook.run>[0];

const schema = Compile(webhook.payload);
const url = "https://hooks.example.com/";
const issues = (payload: object): unknown => webhook.check?.({ url, ...payload });

it("has valid examples", () => {
  const { examples } = webhook.payload as unknown as { examples: Payload[] };
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect([schema.Check(example), webhook.check?.(example)]).toEqual([true, []]);
});

it("is rejected by the schema if a field is missing, unknown or out of bounds", () => {
  const bad = [
    ...[
      {},
      { url: "" },
      { url: 1 },
      { url: "x".repeat(2_049) },
      { url, other: 1 },
      { url, method: "TRACE" },
      { url, method: "get" },
      { url, secret: "" },
    ],
    ...[[], ["a", ""], ["a", 1], Array.from("abcdef")].map((secret) => ({ url, secret })),
    ...[0, 1.5, 600_001].map((timeout_ms) => ({ url, timeout_ms })),
    ...[-1, 6].map((follow_redirects) => ({ url, follow_redirects })),
    { url, headers: { a: 1 } },
    ...[[], [99], [1_000], ["20x"], ["2XX"], ["0xx"], "2xx", [200.5]].flatMap((list) => [
      { url, success_statuses: list },
      { url, retry_statuses: list },
    ]),
    ...["drop", true].map((redirect_body) => ({ url, redirect_body })),
    ...[
      { body_text: 1 },
      { body_base64: "a b=" },
      { body_base64: "_-A=" },
      { body_base64: "A===" },
      { content_type: "" },
    ].map((fields) => ({ url, ...fields })),
  ];
  expect(bad.filter((payload) => schema.Check(payload))).toEqual([]);
});

const forbidden =
  "Host Content-Length Connection Keep-Alive Transfer-Encoding TE Trailer Upgrade Expect Proxy-Connection Webhook-Id WEBHOOK-SIGNATURE webhook-timestamp";
it.each<[object, string]>([
  ...["ftp://example.com/", "https://user:word@example.com/", "/hooks"].map((bad): [object, string] => [
    { url: bad },
    "/url",
  ]),
  [{ method: "GET", body: {} }, "/body"],
  [{ method: "HEAD", body: null }, "/body"],
  [{ body: null, body_text: "" }, "/body_text"],
  [{ body_text: "a", body_base64: "" }, "/body_base64"],
  [{ method: "GET", body_text: "" }, "/body_text"],
  [{ method: "HEAD", body_base64: "" }, "/body_base64"],
  [{ body_text: "a\ud800b" }, "/body_text"],
  [{ body_base64: "AAA" }, "/body_base64"],
  [{ content_type: "text/plain" }, "/content_type"],
  [{ body: 1, content_type: "text/plain", headers: { "CONTENT-TYPE": "text/xml" } }, "/content_type"],
  [{ body: 1, content_type: "text/plain\r\nX-A: b" }, "/content_type"],
  [{ success_statuses: ["2xx", 409], retry_statuses: [404, 409] }, "/retry_statuses/1"],
  [{ secret: "whsec_not base64" }, "/secret"],
  [{ secret: "whsec_" }, "/secret"],
  [{ secret: `whsec_${"A".repeat(31)}` }, "/secret"],
  [{ secret: `whsec_${"A".repeat(87)}` }, "/secret"],
  [{ secret: ["A".repeat(32), `whsec_${"A".repeat(32)}`, "whsec_AAAA"] }, "/secret/2"],
  [{ secret: ["plain words, as many as there may be"] }, "/secret/0"],
  [{ secret: "a" }, "/secret"],
  [{ headers: { "a b": "" } }, "/headers/a b"],
  [{ headers: { "": "" } }, "/headers/"],
  [{ headers: { "a/~b\n": "" } }, "/headers/a~1~0b\n"],
  [{ headers: { "X-A": "b\r\nX-C: d" } }, "/headers/X-A"],
  [{ headers: { "X-A": "1", "x-a": "2" } }, "/headers/x-a"],
  [{ headers: { "x-a": "\u0100" } }, "/headers/x-a"],
  ...forbidden.split(" ").map((name): [object, string] => [{ headers: { [name]: "x" } }, `/headers/${name}`]),
])("%j has an issue at %s", (payload, path) => {
  expect(issues(payload)).toEqual([{ path, message: expect.any(String) as string }]);
});

it("may use every other header", () => {
  expect(issues({ headers: { Authorization: "Bearer x", "x-tab": "a\tb", "x-latin": "é", Accept: "" } })).toEqual([]);
});
