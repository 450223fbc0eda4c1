import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUrl, readableText, readableUrl, secretsOfUrl } from "./readable-url.ts";

const R = "[redacted]";

describe("readableUrl", () => {
  it.each([
    ["https://hooks.example.com/orders/4711", "https://hooks.example.com/orders/4711"],
    ["https://a.example/", "https://a.example/"],
    ["https://a.example?", "https://a.example?"],
    ["https://a.example/p?token=s", `https://a.example/p?token=${R}`],
    ["https://a.example/p?page=2&token=s&limit=50", `https://a.example/p?page=2&token=${R}&limit=50`],
    [
      "https://a.example/p?TOKEN=s&Sig=s&X-Amz-Signature=s&code=s",
      `https://a.example/p?TOKEN=${R}&Sig=${R}&X-Amz-Signature=${R}&code=${R}`,
    ],
    ["https://a.example/p?anything=s", `https://a.example/p?anything=${R}`],
    ["https://a.example/p?t%6fken=s&%70age=s", `https://a.example/p?t%6fken=${R}&%70age=${R}`],
    ["https://a.example/p?page=1;token=s", `https://a.example/p?page=${R}`],
    ["https://a.example/p?page=1%26token=s", `https://a.example/p?page=${R}`],
    ["https://a.example/p?page=2?token=s", `https://a.example/p?page=${R}`],
    ["https://a.example/p?page=https://u:p@b.example/", `https://a.example/p?page=${R}`],
    ["https://a.example/p?s3cret", `https://a.example/p?${R}`],
    ["https://a.example/p?dGhlIHNlY3JldCBvZiBhIHNlcnZpY2U=", `https://a.example/p?${R}`],
    ["https://a.example/p?MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=&empty=", `https://a.example/p?${R}&empty=`],
    ["https://a.example/p?a=b=c&&=s", `https://a.example/p?a=${R}&&${R}`],
    ["https://a.example/p#access_token=s", `https://a.example/p#${R}`],
    ["https://a.example/p?a=1#?token=s", `https://a.example/p?a=${R}#${R}`],
    ["https://user:pass@a.example:8443/p", `https://${R}@a.example:8443/p`],
    ["https://token@a.example/p@v1", `https://${R}@a.example/p@v1`],
    ["https://us@er:p@ss@a.example/", `https://${R}@a.example/`],
    ["HTTPS:\\\\user:pass@a.example\\p?x=s", `HTTPS:\\\\${R}@a.example\\p?x=${R}`],
    ["https:user:pass@a.example/p", `https:${R}@a.example/p`],
    ["https:///user:pass@a.example/p", `https:///${R}@a.example/p`],
    ["  \thttps://user:pass@a.example/", `  \thttps://${R}@a.example/`],
    ["ht\ntps://user:pass@a.example/", `ht\ntps://${R}@a.example/`],
    ["https://a.example/@scope/name@1.2.3", "https://a.example/@scope/name@1.2.3"],
    ["postgres://app:hunter2@db:5432/main?sslmode=require", `postgres://${R}@db:5432/main?sslmode=${R}`],
    ["postgres://app:hun/t@er@db/main", `postgres://${R}@db/main`],
    ["postgres://app:hun#ter2@db/main", `postgres://${R}`],
    ["postgres://app:hun?ter2@db/main", `postgres://${R}`],
    [
      "https://hooks.slack.com/services/T00000000/B00000000/XXXXabcd1234efgh5678IJKL",
      `https://hooks.slack.com/services/T00000000/B00000000/${R}`,
    ],
    [
      "https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
      `https://api.telegram.org/${R}/sendMessage`,
    ],
    [
      "https://discord.com/api/webhooks/1234567890/a9Bc-d_Ef0123456789abcdefABCDEF",
      `https://discord.com/api/webhooks/1234567890/${R}`,
    ],
    [
      "https://a.example/jobs/01a20d6c-adba-7000-8401-4a6e24deb5ae/artifacts",
      "https://a.example/jobs/01a20d6c-adba-7000-8401-4a6e24deb5ae/artifacts",
    ],
    [
      "https://a.example/Our-Plans-For-The-Year-2026-And-Later",
      "https://a.example/Our-Plans-For-The-Year-2026-And-Later",
    ],
    [
      "https://a.example/internationalization/configuration_file",
      "https://a.example/internationalization/configuration_file",
    ],
    ["https://Very-Long-Bucket1Name-For-Us.s3.example/x", "https://Very-Long-Bucket1Name-For-Us.s3.example/x"],
    ["https://a.example/%C3%A9t%C3%A9-%C3%A0-la-mer", "https://a.example/%C3%A9t%C3%A9-%C3%A0-la-mer"],
    ["", ""],
    ["no url at all", "no url at all"],
  ])("%j becomes %j", (url, readable) => {
    expect(readableUrl(url)).toBe(readable);
  });

  it("shows no secret, at any position in a URL and in any encoding", () => {
    const secret = "hunter2hunter2";
    const names = [
      "token",
      "access_token",
      "sig",
      "Signature",
      "X-Goog-Signature",
      "key",
      "api_key",
      "code",
      "auth",
      "jwt",
      "sid",
      "password",
      "p",
      "x",
      "q",
      "state",
      "a[b]",
      "%74oken",
      "page%00",
    ];
    const bases = [
      "https://a.example",
      "https://a.example/",
      "https://a.example:8080/p/q",
      "http://[::1]/",
      "http:a.example/",
      "HTTP:\\\\a.example\\",
      "wss://a.example/p",
      "ftp://a.example/;type=a",
    ];
    const urls = bases.flatMap((base) => [
      ...names.flatMap((name) => [
        `${base}?${name}=${secret}`,
        `${base}?page=1&${name}=${secret}&limit=2`,
        `${base}?${name}=${secret}#top`,
        `${base}?a&${name}=x%20${secret}`,
        `${base}#${name}=${secret}`,
      ]),
      ...[
        `${base}?${secret}`,
        `${base}?&${secret}&`,
        `${base}#${secret}`,
        `${base}?page=${secret}${"x".repeat(40)}`,
        `${base}?limit=1;x=${secret}`,
        `${base}?sort=a%26x=${secret}`,
      ],
      ...[`u:${secret}@`, `${secret}@`, `${secret}:@`, `:${secret}@`, `a@b:${secret}@`].map((user) =>
        base.replace(/^(\w+:[\\/]*)/, (scheme) => scheme + user),
      ),
    ]);
    expect(urls.length).toBeGreaterThan(800);
    expect(urls.filter((url) => readableUrl(url).includes(secret))).toEqual([]);
  });

  it("accepts any text, and does not change a URL without a query", () => {
    fc.assert(fc.property(fc.string(), (text) => typeof readableUrl(text) === "string"));
    fc.assert(fc.property(fc.webUrl(), (url) => readableUrl(url) === url));
  });

  it("reads any long text in linear time", () => {
    const startedAt = performance.now();
    for (const piece of ["@", "?", "&a=b", "#", "/", "aA1", "a", "a-", " ", "\\", ":/", "%", "=&", "?token=x&"]) {
      for (const base of ["", "https://a.example/", "https://a.example?", "https://u:p@"])
        readableUrl(base + piece.repeat(200_000 / piece.length));
    }
    expect(performance.now() - startedAt).toBeLessThan(30_000); // quadratic time would be hours
  });
});

it("detects a text that begins like a URL", () => {
  expect(["https://a", " HTTP:\\a", "redis://x", "a+b.c-d:/"].filter((text) => !isUrl(text))).toEqual([]);
  expect(["", "a", "a:b", "see https://a", "1a://b", "://a"].filter(isUrl)).toEqual([]);
});

describe("readableText", () => {
  it.each([
    ["connect ECONNREFUSED 127.0.0.1:80", undefined],
    ["failed: https://u:p@a.example/x?token=s, twice", `failed: https://${R}@a.example/x?token=${R} twice`],
    [
      `{"a":"http://a.example/?k=s","b":"http://b.example/"}`,
      `{"a":"http://a.example/?k=${R}","b":"http://b.example/"}`,
    ],
    ["at file:///srv/A1b2C3d4E5f6G7h8I9j0K1l2/x.js:1:2", undefined],
  ])("of %j", (text, readable) => {
    expect(readableText(text)).toBe(readable ?? text);
  });
});

it.each([
  ["https://a.example/p?page=2&token=s%20e+cret#frag", ["s%20e+cret", "frag", "s e cret"]],
  ["https://hooks.slack.com/services/T00000000/B00000000/XXXXabcd1234efgh5678IJKL", ["XXXXabcd1234efgh5678IJKL"]],
  ["https://user:pa%24s@a.example/", ["user", "pa%24s", "pa$s"]],
  ["https://a.example/orders/4711?limit=5", []],
])("what is left out of %j is %j", (url, secrets) => {
  expect(secretsOfUrl(url)).toEqual(secrets);
});
