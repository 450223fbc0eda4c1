import { describe, expect, it } from "vitest";
import { redactPayload } from "./redaction.ts";

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
    [`{"headers":["Authorization"]}`, undefined],
    [`{"text":"\\u0041"}`, undefined],
  ])("of %s", (payload, redacted) => {
    expect(redactPayload(payload)).toBe(redacted ?? payload);
  });
});
