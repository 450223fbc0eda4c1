import { describe, expect, it } from "vitest";
import { issuesOf, job, refer, valid } from "../../testing/flow-bodies.ts";
import { at } from "../at.ts";

describe("a job with then or on_failure", () => {
  it("is followed by these jobs, which refer to it without a name", () => {
    const payload = { text: "${not.a.reference}", x: { $ref: "#/x" } };
    const body = {
      ...job({ priority: 9, payload }),
      then: [job({ payload: { x: "${result.link}" } }), job()],
      on_failure: [refer("error", "job/error/code")],
    };
    const { flow, submissions } = valid(body, "single");
    expect(flow).toEqual({
      kind: "then",
      name: null,
      onFailure: "finish",
      nodes: [
        { name: "job", type: "note", when: "succeeded", after: [], waitsFor: [], jobs: 1, keeps: true },
        { name: "then/0", type: "note", when: "succeeded", after: [0], waitsFor: [], jobs: 1, refs: [0] },
        { name: "then/1", type: "note", when: "succeeded", after: [0], waitsFor: [], jobs: 1 },
        { name: "on_failure", type: "note", when: "failed", after: [0], waitsFor: [], jobs: 1, refs: [0] },
      ],
    });
    expect(submissions.map(({ priority }) => priority)).toEqual([9, 5, 5, 5]);
    expect(at(submissions, 0).payload).toBe(JSON.stringify(payload));
  });

  it("has all issues with their paths", () => {
    const body = {
      type: "mail",
      payload: {},
      colour: "red",
      then: [{ type: "mail", payload: { to: "x" } }, job({ then: [job()] }), refer("a/result"), 1],
      on_failure: {},
    };
    expect(issuesOf(body, "single").sort()).toEqual([
      "/colour is not a known field",
      "/on_failure expected an array",
      "/payload/to is required",
      "/then/0/payload/to expected an address",
      "/then/1/then is only for a single job, POST /api/v1/jobs: submit a flow instead",
      '/then/2/payload/list/0 refers to "a", which is no node that it can refer to',
      "/then/3 expected an object",
    ]);
    expect(issuesOf(job({ then: [] }), "single")).toEqual(["/then expected at least 1 item"]);
    expect(issuesOf(job({ then: null }), "single")).toEqual(["/then expected an array"]);
    const many = Array.from({ length: 500 }, () => job());
    expect(issuesOf(job({ then: many, on_failure: many }), "single")).toEqual([
      " expected at most 999 jobs in then and on_failure together",
    ]);
    const big = job({ payload: { text: "x".repeat(600) } });
    expect(issuesOf({ ...job(), then: [big] }, "single", 500)).toEqual(["/then/0 expected at most 500 bytes"]);
    expect(issuesOf({ ...big, then: [job()] }, "single", 500)).toEqual([" expected at most 500 bytes"]);
  });

  it.each(["batch", "ndjson", "flow-batch"] as const)("is rejected where the body is of kind %s", (kind) => {
    const nested = job({ then: [job()], on_failure: [job()] });
    const body = kind === "ndjson" ? nested : { jobs: [nested] };
    const message = "is only for a single job, POST /api/v1/jobs: submit a flow instead";
    expect(issuesOf(body, kind)).toEqual([`/jobs/0/then ${message}`, `/jobs/0/on_failure ${message}`]);
  });
});

describe("a batch", () => {
  const plain = { name: "jobs", type: null, when: "succeeded", after: [], waitsFor: [], jobs: 2, maxFailures: 0 };

  it("has its jobs in the first node, and its callbacks after it", () => {
    const body = {
      name: "thumbs",
      jobs: [job({ payload: { x: "${a}" } }), job()],
      on_first_failure: refer("error"),
      on_success: job(),
      on_complete: job({ payload: { x: "${result.results_ref}", y: "${jobs.error.code}" } }),
    };
    expect(valid(body, "flow-batch").flow).toEqual({
      kind: "batch",
      name: "thumbs",
      onFailure: "finish",
      nodes: [
        { ...plain, keeps: true },
        { name: "on_success", type: "note", when: "succeeded", after: [0], waitsFor: [], jobs: 1 },
        { name: "on_complete", type: "note", when: "ended", after: [0], waitsFor: [4], jobs: 1, refs: [0] },
        { name: "on_first_failure", type: "note", when: "first_failure", after: [0], waitsFor: [], jobs: 1, refs: [0] },
        {
          name: "jobs:results",
          type: "batch_results",
          when: "ended",
          after: [],
          waitsFor: [0],
          jobs: 0,
          resultsOf: 0,
          keeps: true,
        },
      ],
    });
  });

  it("may be empty, and may be open for a time", () => {
    const { flow, submissions } = valid({ jobs: [] }, "flow-batch");
    expect([flow.nodes, submissions, flow.closeAfterMs]).toEqual([[{ ...plain, jobs: 0 }], [], undefined]);
    expect(valid({ jobs: [], open: true }, "flow-batch").flow.closeAfterMs).toBe(86_400_000);
    expect(valid({ jobs: [], open: true, close_after_ms: 5 }, "flow-batch").flow.closeAfterMs).toBe(5);
  });

  it("has all issues with their paths", () => {
    const body = {
      jobs: [{ type: "mail", payload: {} }, null],
      open: false,
      close_after_ms: 10,
      max_failures: 1.5,
      on_success: 1,
      on_complete: { type: "mail", payload: { to: "x", n: { $ref: "jobs/result/total" } } },
      on_first_failure: refer("result/total", "other/result"),
      on_end: job(),
    };
    expect(issuesOf(body, "flow-batch").sort()).toEqual(
      [
        "/close_after_ms is only for a batch with open: true",
        "/jobs/0/payload/to is required",
        "/jobs/1 expected an object",
        "/max_failures expected an integer",
        "/on_complete/payload/to expected an address",
        "/on_end is not a known field",
        "/on_first_failure/payload/list/0 the batch has no result before all of its jobs have ended: refer to error",
        '/on_first_failure/payload/list/1 refers to "other", which is no node that it can refer to',
        "/on_success expected an object",
      ].sort(),
    );
    expect(issuesOf({ jobs: [], open: true, close_after_ms: 0 }, "flow-batch")).toEqual([
      "/close_after_ms expected a number >= 1",
    ]);
  });

  it.each([
    [null, " expected an object"],
    [[], " expected an object"],
    [{}, "/jobs is required"],
    [{ jobs: {} }, "/jobs expected an array"],
    [{ jobs: [], name: "\n" }, "/name expected text without control characters"],
    [{ jobs: Array.from({ length: 10_001 }, () => job()) }, "/jobs expected at most 10000 items"],
  ])("case %#", (body, expected) => {
    expect(issuesOf(body, "flow-batch")).toEqual([expected]);
  });

  it("in lines has jobs only, or itself in the first line", () => {
    const lines = (...values: readonly object[]): string => values.map((value) => JSON.stringify(value)).join("\n");
    expect(valid(lines(job(), job()), "flow-batch-ndjson").flow.nodes).toEqual([plain]);
    const head = { name: "n", open: true, on_complete: job() };
    const { flow, submissions } = valid(lines(head, job(), job({ priority: 1 })), "flow-batch-ndjson");
    expect([flow.name, flow.closeAfterMs, flow.nodes.map(({ name, jobs }) => [name, jobs])]).toEqual([
      "n",
      86_400_000,
      [
        ["jobs", 2],
        ["on_complete", 1],
      ],
    ]);
    expect(submissions.map(({ priority }) => priority)).toEqual([5, 1, 5]);
    expect(valid(lines({}), "flow-batch-ndjson").submissions).toEqual([]);
    expect(issuesOf(lines({ jobs: [] }, { type: "mail", payload: {} }, {}), "flow-batch-ndjson")).toEqual([
      "/jobs is not a known field",
      "/jobs/1/payload/to is required",
      "/jobs/2/type is required",
      "/jobs/2/payload is required",
    ]);
    const many = Array.from({ length: 10_001 }, () => job());
    expect(issuesOf(lines(...many), "flow-batch-ndjson")).toEqual(["/jobs expected at most 10000 items"]);
    expect(valid(lines(head, ...many.slice(1)), "flow-batch-ndjson").submissions).toHaveLength(10_001);
    expect(issuesOf(lines(head, job(), ...many), "flow-batch-ndjson")).toEqual(["/jobs expected at most 10000 items"]);
  });
});
