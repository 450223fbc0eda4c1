import { describe, expect, it } from "vitest";
import type { KeptValue } from "../core/flows/references.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { keyOf, resolvedPayload } from "./resolved-payload.ts";

const registry = await loadRegistry({ settings: { OUTBOUND_ALLOW_PRIVATE: "true" } });
const scope = { names: new Set(["first"]) };

function resolved(type: string, payload: object, result: KeptValue, maxBytes = 1_000) {
  const definition = registry.get(type);
  if (!definition) throw new Error(`there is no type ${type}`);
  const kept = new Map([[keyOf({ part: "result", node: "first" }), result]]);
  return resolvedPayload({ text: JSON.stringify(payload), scope, kept, maxBytes }, definition);
}

describe("a payload with references", () => {
  it("is resolved with all digits of numbers", () => {
    const payload = { url: "https://example.com", body: { $ref: "first/result/n" } };
    expect(resolved("webhook", payload, { json: `{"n":1.00000000000000000001}` })).toEqual({
      json: `{"url":"https://example.com","body":1.00000000000000000001}`,
    });
  });

  it.each<[string, KeptValue, string]>([
    ["result_too_large", "too_large", "first/result"],
    ["reference_missing", "missing", "first/result"],
    ["payload_invalid", { json: `{"url":"no URL"}` }, "/url"],
    ["payload_invalid", { json: `{"url":"https://example.com/${"x".repeat(2_000)}"}` }, "1000"],
  ])("fails as %s", (code, result, text) => {
    const answer = resolved("webhook", { url: { $ref: "first/result/url" } }, result);
    expect(answer).toMatchObject({ code, message: expect.stringContaining(text) as string });
  });

  it("does not read other jobs because of a result, unless it did so anyway", () => {
    const payload = { format: "csv", source: { $ref: "first/result" } };
    const jobs = { json: `{"jobs":{}}` };
    expect(resolved("data_export", payload, jobs)).toMatchObject({ code: "payload_invalid" });
    expect(resolved("data_export", payload, { json: `{"rows":[{"a":1}]}` })).toHaveProperty("json");
    const reads = { format: "csv", source: { jobs: { type: { $ref: "first/result" } } } };
    expect(resolved("data_export", reads, { json: `["noop"]` })).toHaveProperty("json");
  });
});
