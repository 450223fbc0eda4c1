import fc from "fast-check";
import { expect, it } from "vitest";
import { job, parseFlowBody, refer } from "../../testing/flow-bodies.ts";
import { FLOW_ID } from "../../testing/flow-graphs.ts";
import { begin } from "./evaluate.ts";
import { newState, withIds } from "./graph.ts";

/** A value somewhere in a body is replaced by another. */
function replaced(value: unknown, by: unknown, next: () => number): unknown {
  if (next() % 5 === 0 || typeof value !== "object" || value === null) return by;
  const entries = Object.entries(value);
  const [name] = entries[next() % Math.max(1, entries.length)] ?? [];
  const changed = entries.map(([each, inner]: [string, unknown]) => [
    each,
    each === name ? replaced(inner, by, next) : inner,
  ]);
  const result: unknown = Object.fromEntries(changed);
  return Array.isArray(value) ? Object.values(result as object) : result;
}

it("any body is a flow that can start, or is rejected", () => {
  const flow = {
    name: "n",
    on_failure: "stop",
    jobs: {
      a: job({ after: ["b"], when: "ended", payload: { list: [{ $ref: "b/result/x" }, "${c.error}"] } }),
      b: { batch: [job(), refer("c/result")], after: ["c"], max_failures: 1 },
      c: job(),
    },
  };
  const batch = { jobs: [job()], open: true, close_after_ms: 5, on_complete: refer("result"), on_success: job() };
  const single = { ...job(), then: [job(), refer("result/x")], on_failure: [refer("error")] };
  const bodies = fc.constantFrom(
    ["flow", flow],
    ["flow-batch", batch],
    ["flow-batch-ndjson", batch],
    ["single", single],
  );
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      flow,
      batch,
      single,
      ["a"],
      ["c", "a"],
      { $ref: "a/result" },
      "${b.result}",
      "failed",
      "type",
    ),
  );
  const numbers = fc.infiniteStream(fc.nat()).map((stream) => () => Number(stream.next().value));
  fc.assert(
    fc.property(bodies, values, numbers, ([kind, body], value, next) => {
      const parsed = parseFlowBody(replaced(body, value, next), kind);
      if ("rejection" in parsed) expect(parsed.rejection.code).toMatch(/^(?:validation_failed|malformed_json)$/);
      else if (parsed.flow) begin(newState(withIds(parsed.flow, parsed.submissions, FLOW_ID)));
    }),
    { numRuns: 500 },
  );
});
