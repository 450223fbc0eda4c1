import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadRegistry } from "../jobs/registry.ts";
import { isCredential, redactionOf } from "./redaction.ts";

const { redactPayload } = await loadRegistry({ settings: {} });

describe("redactPayload", () => {
  it.each([
    [`{"url":"https://a.example","n":12345678901234567890}`, undefined],
    [`{"secret":"s","n":12345678901234567890}`, `{"secret":"[redacted]","n":12345678901234567890}`],
    [`{"secret":["whsec_a", "whsec_b"],"url":"u"}`, `{"secret":"[redacted]","url":"u"}`],
    [`{"secret" : {"a":1} }`, `{"secret" : "[redacted]" }`],
    [String.raw`{"s\u0065cret":"s"}`, String.raw`{"s\u0065cret":"[redacted]"}`],
    [`{"secret":"a","secret":"b"}`, `{"secret":"[redacted]","secret":"[redacted]"}`],
    [
      `{"headers":{"Authorization":"Bearer x","X-Api-Key":"k","cookie":"c","Idempotency-Key":"i","X-Trace":"t"},"body":{"secret":"of the body"}}`,
      `{"headers":{"Authorization":"[redacted]","X-Api-Key":"[redacted]","cookie":"[redacted]","Idempotency-Key":"i","X-Trace":"t"},"body":{"secret":"of the body"}}`,
    ],
    [`{"headers":["Authorization"]}`, `{"headers":"[redacted]"}`],
    [`{"text":"\\u0041"}`, undefined],
  ])("of %s", (payload, redacted) => {
    expect(redactPayload(payload, "webhook")).toBe(redacted ?? payload);
  });
});

const SECRET = "hunter2hunter2";

/** Several JSON spellings of the same name. */
function spellings(name: string): string[] {
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return [
    JSON.stringify(name),
    `"${Array.from(name, escaped).join("")}"`,
    `"${escaped(name.charAt(0)).toUpperCase().replace("U", "u")}${name.slice(1)}"`,
  ];
}

describe("headers", () => {
  const found =
    "X-Session-Id X-JWT X-Access X-Bearer Apikey-V2 X-Auth-Token Authorization Proxy-Authorization Cookie X-Signature Digest X-Custom Referer Forwarded X-Amz-Security-Token tracestate baggage List-Unsubscribe List-Unsubscribe-Post X-SMTPAPI X-Mailgun-Variables Message-Tag";
  const harmless =
    "content-type Accept USER-AGENT Content-Language x-request-id traceparent Idempotency-Key X-Priority Auto-Submitted In-Reply-To";

  it.each(["webhook", "email", "note"])(
    "of type %s are redacted but for harmless ones, in any spelling and spacing",
    (type) => {
      for (const name of found.split(" ")) {
        for (const given of [name, name.toLowerCase(), name.toUpperCase()].flatMap(spellings)) {
          for (const headers of spellings("headers")) {
            expect(redactPayload(`{"n":1.0, ${headers} :\n{"Accept":"a", ${given}\t: "${SECRET}"} }`, type)).toBe(
              `{"n":1.0, ${headers} :\n{"Accept":"a", ${given}\t: "[redacted]"} }`,
            );
          }
        }
      }
      const shown = `{"headers":{${harmless
        .split(" ")
        .map((name) => `"${name}":"shown"`)
        .join(",")}}}`;
      expect(redactPayload(shown, type)).toBe(shown);
    },
  );

  it("are redacted at any position: twice, within arrays, and in shapes that no built-in type has", () => {
    const payloads = [
      `{"headers":{"X-A":"${SECRET}"},"headers":{"X-B":"${SECRET}"}}`,
      `{"source":{"url":"https://a.example/","headers":{"X-A":"${SECRET}"}}}`,
      `{"attachments":[{"filename":"a","headers":{"X-A":"${SECRET}"}},{"headers":{"X-A":["${SECRET}"]}}]}`,
      `{"callback":{"request_headers":{"X-A":{"accept":"${SECRET}"}}},"httpHeaders":{"accept":{"x":"${SECRET}"}}}`,
      `{"headers":["X-A: ${SECRET}"]}`,
      `{"headers":[["X-A","${SECRET}"]]}`,
      `{"headers":[{"name":"X-A","value":"${SECRET}"}]}`,
      `{"headers":"X-A: ${SECRET}"}`,
    ];
    for (const type of ["note", "image_resize", "email", "webhook"])
      expect(payloads.filter((payload) => redactPayload(payload, type).includes(SECRET))).toEqual([]);
    for (const payload of payloads) expect(() => JSON.parse(redactPayload(payload, "note")) as unknown).not.toThrow();
  });
});

describe("URLs", () => {
  it.each([
    ["webhook", `{"url":"https://a.example/p?token=${SECRET}"}`, `{"url":"https://a.example/p?token=[redacted]"}`],
    [
      "webhook",
      `{"url":"https:\\/\\/a.example\\/?to\\u006ben=${SECRET}"}`,
      `{"url":"https://a.example/?token=[redacted]"}`,
    ],
    ["webhook", `{"url":"https://a.example/","body":{"url":"https://a.example/?token=${SECRET}"}}`, undefined],
    [
      "image_resize",
      `{"source":{"url":"https://u:${SECRET}@a.example/?X-Amz-Signature=${SECRET}&width=20"}}`,
      `{"source":{"url":"https://[redacted]@a.example/?X-Amz-Signature=[redacted]&width=20"}}`,
    ],
    [
      "email",
      `{"body":"https://a.example/?t=${SECRET}","attachments":[{"url":"http:a.example?${SECRET}"}]}`,
      `{"body":"https://a.example/?t=${SECRET}","attachments":[{"url":"http:a.example?[redacted]"}]}`,
    ],
    [
      "email",
      `{"list_unsubscribe":{"url":"https://a.example/leave?who=${SECRET}"}}`,
      `{"list_unsubscribe":{"url":"https://a.example/leave?who=[redacted]"}}`,
    ],
    [
      "data_export",
      `{"source":{"query":"q","params":{"api_key":"${SECRET}","since":"2026"}}}`,
      `{"source":{"query":"q","params":{"api_key":"[redacted]","since":"2026"}}}`,
    ],
    ["data_export", `{"source":{"rows":[{"password":"shown"}]}}`, undefined],
    [
      "note",
      `{"a":[["redis://:${SECRET}@cache/1"]],"url":"a.example/?k=${SECRET}"}`,
      `{"a":[["redis://[redacted]@cache/1"]],"url":"a.example/?k=[redacted]"}`,
    ],
    ["note", `{"text":"see https://a.example/?page=2","at":"2026-01-31T12:00:00Z"}`, undefined],
  ])("of type %s: %s", (type, payload, redacted) => {
    expect(redactPayload(payload, type)).toBe(redacted ?? payload);
  });
});

describe("a deployment's own types", () => {
  const names =
    "secret client_secret clientSecret password Password db-password passwd PASSPHRASE api_key apiKey API-KEY accessKey private_key signingKey credentials token access_token refreshToken authorization auth bearer jwt cookie sessionId session_id pwd pin otp";
  it.each(names.split(" "))("do not show %s, at any depth", (name) => {
    for (const given of spellings(name)) {
      for (const value of [`"${SECRET}"`, `["${SECRET}"]`, `{"a":"${SECRET}"}`, "20022002"]) {
        expect(redactPayload(`{"a":[{"b":{${given}:${value},"c":1e400}}]}`, "note")).toBe(
          `{"a":[{"b":{${given}:"[redacted]","c":1e400}}]}`,
        );
      }
    }
  });

  it("show members that only resemble credentials", () => {
    const payload = `{"author":"a","max_tokens":100,"key":"k","group_key":"g","is_secret":true,"token":null,"monkey":"m","pinned":"p","authorId":7,"keyboard":"k","passport":"x","header":true}`;
    expect(redactPayload(payload, "note")).toBe(payload);
  });
});

it("shows the members that a schema marks as delivered, in any of its alternatives", () => {
  const note = { properties: { token: { delivered: true }, secret: {} } };
  const redact = redactionOf({ anyOf: [{ properties: { note } }, { properties: { note: { anyOf: [{}, note] } } }] });
  const shown = (secret: string) => `{"note":{"token":{"secret":"t"},"secret":"${secret}"},"token":"${secret}"}`;
  expect(redact(shown("s"))).toBe(shown("[redacted]"));
});

it("keeps the rest of any payload unchanged, and the result is valid JSON", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.oneof(fc.string(), fc.constantFrom("secret", "headers", "url", "body", "source")),
        fc.jsonValue(),
      ),
      fc.constantFrom("webhook", "email", "note"),
      fc.constantFrom(0, 1, "\t"),
      (payload, type, space) => {
        const json = JSON.stringify(payload, null, space);
        const redacted = redactPayload(json, type);
        expect(Object.keys(JSON.parse(redacted) as object)).toEqual(Object.keys(JSON.parse(json) as object));
        expect(redactPayload(redacted, type)).toBe(redacted);
      },
    ),
  );
});

it("reads a deep and long payload in linear time", () => {
  const startedAt = performance.now();
  const long = ["[", '{"a":'].map(
    (opening) => `{"x":${opening.repeat(90)}"${"x@".repeat(500_000)}"${(opening === "[" ? "]" : "}").repeat(90)}}`,
  );
  const many = `{"url":[${'"https://a.example/?token=s",'.repeat(20_000)}1],${'"secret":"s",'.repeat(20_000)}"a":1}`;
  for (const payload of [...long, many, `{"a":"${String.raw`\"`.repeat(400_000)}"}`]) redactPayload(payload, "note");
  expect(redactPayload(many, "note")).not.toMatch(/"s"|=s/);
  expect(performance.now() - startedAt).toBeLessThan(20_000); // quadratic time would be hours
});

it("detects a header that a redirect to another origin must not carry", () => {
  expect(
    "Authorization Cookie X-Session-Id X-JWT X-Access Apikey-V2 X-Bearer X-Api-Key"
      .split(" ")
      .filter((name) => !isCredential(name)),
  ).toEqual([]);
  expect(["accept", "x-kept", "idempotency-key", "content-type"].filter(isCredential)).toEqual([]);
});
