/** Bodies that submit flows and batches, as parseBody reads them. */
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { at } from "../at.ts";
import type { BodyKind } from "../body.ts";
import { parseBody } from "../body.ts";
import type { SubmissionType } from "../submission.ts";
import { compileValidator } from "../validator.ts";
import type { FlowDraft } from "./flow.ts";

const mailSchema = compileValidator(
  Type.Object(
    {
      to: Type.String({ pattern: "@", expected: "an address" }),
      n: Type.Optional(Type.Integer()),
      file: Type.Optional(
        Type.Union([
          Type.Object({ artifact: Type.String({ minLength: 40 }) }, { additionalProperties: false }),
          Type.Object({ base64: Type.String() }, { additionalProperties: false }),
        ]),
      ),
      body: Type.Optional(Type.Unknown()),
    },
    { additionalProperties: false },
  ),
);
const note: SubmissionType = { definition: { attempts: 3 }, maxBodyBytes: 0, issuesOf: () => [] };
const mail: SubmissionType = {
  ...note,
  issuesOf: (payload) => (mailSchema.isValid(payload) ? [] : mailSchema.issuesOf(payload)),
};
const types: Readonly<Record<string, SubmissionType>> = {
  note,
  mail,
  history: {
    ...note,
    definition: { attempts: 1, needsRead: (payload: { jobs?: unknown }) => payload.jobs !== undefined },
  },
  bulk: { ...note, definition: { attempts: 1, needsAdmin: true } },
  slow: { ...note, definition: { attempts: 1, timeoutMs: 5, timeoutMsOf: ({ ms }: { ms: number }) => ms } },
  strict: { ...note, definition: { attempts: 1, timeoutMsOf: ({ list }: { list: number[] }) => list.map(Number)[0] } },
};

const parse = (body: unknown, kind: BodyKind = "flow", maxBodyBytes = 1_000_000) =>
  parseBody(
    {
      bytes: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
      kind,
      maxBodyBytes,
      now: 0,
      durability: "redis",
    },
    (type) => types[type],
  );
type Parsed = Exclude<ReturnType<typeof parse>, { rejection: unknown }>;

function valid(body: unknown, kind: BodyKind = "flow"): Parsed & { flow: FlowDraft } {
  const parsed = parse(body, kind);
  if ("rejection" in parsed) throw new Error(JSON.stringify(parsed.rejection));
  if (!parsed.flow) throw new Error("no flow");
  return { ...parsed, flow: parsed.flow };
}

function issuesOf(body: unknown, kind: BodyKind = "flow", maxBodyBytes?: number): string[] {
  const parsed = parse(body, kind, maxBodyBytes);
  if (!("rejection" in parsed)) throw new Error("it is valid");
  expect(parsed.rejection).toMatchObject({ status: 422, code: "validation_failed" });
  return parsed.rejection.issues.map(({ path, message }) => `${path} ${message}`);
}

const job = (fields: object = {}): object => ({ type: "note", payload: {}, ...fields });
const refer = (...references: readonly string[]): object =>
  job({ payload: { list: references.map((reference) => ({ $ref: reference })) } });

describe("a flow", () => {
  it("has its nodes in the order of the request, and its submissions in that of the nodes", () => {
    const { flow, submissions, ...facts } = valid(
      `{"name":"order","jobs":{"b":{"type":"note","payload":{"b":1.0}},"10":{"batch":[${JSON.stringify(job({ priority: 7 }))},{"type":"mail","payload":{"to":"a@b"}}],"max_failures":1},
       "2":{"type":"mail","payload":{"to":"x@y"},"after":["10","b"],"when":"ended"}}}`,
    );
    expect(flow).toEqual({
      kind: "flow",
      name: "order",
      onFailure: "finish",
      nodes: [
        { name: "b", type: "note", when: "succeeded", after: [], waitsFor: [], jobs: 1 },
        { name: "10", type: null, when: "succeeded", after: [], waitsFor: [], jobs: 2, maxFailures: 1 },
        { name: "2", type: "mail", when: "ended", after: [1, 0], waitsFor: [], jobs: 1 },
      ],
    });
    expect(submissions.map(({ type, payload, priority }) => [type, payload, priority])).toEqual([
      ["note", '{"b":1.0}', 5],
      ["note", "{}", 7],
      ["mail", '{"to":"a@b"}', 5],
      ["mail", '{"to":"x@y"}', 5],
    ]);
    expect(facts).toEqual({ isDelayed: false, needsRead: false });
  });

  it("has the last of nodes with the same name", () => {
    const { submissions } = valid(
      `{"jobs":{"a":{"type":"note","payload":{}},"a":{"type":"mail","payload":{"to":"@"}}}}`,
    );
    expect(submissions.map(({ type }) => type)).toEqual(["mail"]);
  });

  it("is of durability postgres if one of its jobs is, needs the scopes of each, and may be delayed", () => {
    const plain = valid({ jobs: { a: job(), b: { batch: [job({ durability: "postgres" })] } } });
    expect(plain.flow.isDurable).toBe(true);
    const { needsRead, needsAdmin, isDelayed } = valid({
      jobs: {
        a: job({ delay_ms: 5 }),
        b: { type: "history", payload: { jobs: {} } },
        c: { type: "bulk", payload: {} },
      },
    });
    expect([needsRead, needsAdmin, isDelayed]).toEqual([true, true, true]);
  });

  it("reports all issues of all nodes at once, with their paths", () => {
    const body = {
      name: "",
      on_failure: "continue",
      extra: 1,
      jobs: {
        a: { type: "nothing", payload: {} },
        "b c": { type: "mail", payload: { to: 1 }, tags: [""], after: "a" },
        batch: { batch: [job(), { type: "mail", payload: {} }, 5], max_failures: -1, type: "note" },
        c: { ...job(), after: ["a", "nobody", "a", "c"], when: "later", then: [job()] },
        d: { ...job(), when: "ended" },
        e: [],
        f: { batch: {}, after: [1] },
      },
    };
    expect(issuesOf(body).sort()).toEqual(
      [
        "/name expected at least 1 character",
        '/on_failure expected "finish" or "stop"',
        "/extra is not a known field",
        "/jobs/a/type is not a job type of this server",
        "/jobs/b c expected a name of 1 to 64 letters, digits and _ . -",
        "/jobs/b c/after expected an array",
        "/jobs/b c/tags/0 expected at least 1 character",
        "/jobs/b c/payload/to expected a string",
        "/jobs/batch/batch/1/payload/to is required",
        "/jobs/batch/batch/2 expected an object",
        "/jobs/batch/max_failures expected a number >= 0",
        "/jobs/batch/type is not a known field",
        "/jobs/c/after/1 is not the name of a node of this flow",
        "/jobs/c/after/2 is given twice",
        "/jobs/c/after/3 is the name of the node itself",
        '/jobs/c/when expected "succeeded" or "failed" or "ended"',
        "/jobs/c/then is only for a single job, POST /api/v1/jobs: submit a flow instead",
        "/jobs/d/when is only for a node with after: expected the nodes that it comes after",
        "/jobs/e expected an object",
        "/jobs/f/after/0 expected a string",
        "/jobs/f/batch expected an array",
      ].sort(),
    );
  });

  it.each([
    [{}, ["/jobs is required"]],
    [{ jobs: {} }, ["/jobs expected at least 1 node"]],
    [{ jobs: [job()] }, ["/jobs expected an object"]],
    [{ jobs: null }, ["/jobs expected an object"]],
    [[], [" expected an object"]],
    [null, [" expected an object"]],
    [{ name: "a\u0000", jobs: { a: job() } }, ["/name expected text without control characters"]],
    [{ name: "\ud800", jobs: { a: job() } }, ["/name expected text without control characters"]],
    [{ jobs: { a: null } }, ["/jobs/a expected an object"]],
    [{ jobs: { "": job() } }, ["/jobs/ expected a name of 1 to 64 letters, digits and _ . -"]],
    [{ jobs: { "a/b": job() } }, ["/jobs/a~1b expected a name of 1 to 64 letters, digits and _ . -"]],
    [
      { jobs: { ["x".repeat(65)]: job() } },
      [`/jobs/${"x".repeat(65)} expected a name of 1 to 64 letters, digits and _ . -`],
    ],
    [{ jobs: { a: job({ after: ["constructor"] }) } }, ["/jobs/a/after/0 is not the name of a node of this flow"]],
    [`{"jobs":{"__proto__":{"type":"note","payload":{}}}}`, ["/jobs/__proto__ must not be a name in a request"]],
  ])("case %#: %.60j", (body, expected) => {
    expect(issuesOf(body)).toEqual(expected);
  });

  it("with cycles names each with its nodes", () => {
    const after = (...names: readonly string[]): object => job({ after: names });
    const jobs = {
      a: after("c"),
      b: after("free", "a"),
      c: after("b"),
      free: job(),
      x: after("a", "y"),
      y: after("x"),
      late: after("y"),
    };
    expect(issuesOf({ jobs }).sort()).toEqual([
      "/jobs/a/after/0 makes a cycle: a after c after b after a",
      "/jobs/x/after/1 makes a cycle: x after y after x",
    ]);
  });

  it("has at most 1,000 nodes and 10,000 jobs, and reports other issues, too", () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`n${index}`, job()]));
    const last = { ...refer("n1000/result"), type: "nothing", after: ["n1000", "n2000"] };
    expect(issuesOf({ jobs: { first: last, ...many } })).toEqual([
      "/jobs expected at most 1000 nodes",
      "/jobs/first/after/1 is not the name of a node of this flow",
      "/jobs/first/type is not a job type of this server",
    ]);
    const half = { batch: Array.from({ length: 5_000 }, () => job()) };
    expect(valid({ jobs: { a: half, b: half } }).submissions).toHaveLength(10_000);
    expect(issuesOf({ jobs: { a: half, b: half, c: { type: "x", payload: {}, after: ["z"] } } })).toEqual([
      "/jobs/c/after/0 is not the name of a node of this flow",
      "/jobs expected at most 10000 jobs in all nodes together",
    ]);
    const tooMany = { batch: Array.from({ length: 10_001 }, () => job()) };
    expect(issuesOf({ jobs: { a: tooMany } })).toEqual([
      "/jobs/a/batch expected at most 10000 items",
      "/jobs expected at most 10000 jobs in all nodes together",
    ]);
  });

  it("has at most 100,000 names in after", () => {
    const layer = (start: number, after: readonly string[]) =>
      Array.from({ length: 334 }, (_, nth) => [`n${start + nth}`, job({ after })] as const);
    const names = Array.from({ length: 334 }, (_, nth) => `n${nth}`);
    const first = Object.fromEntries(layer(0, []));
    expect(issuesOf({ jobs: { ...first, ...Object.fromEntries(layer(334, names)) } })).toEqual([
      "/jobs expected at most 100000 names in all after together",
    ]);
    expect(valid({ jobs: { ...first, ...Object.fromEntries(layer(334, names.slice(100))) } }).flow.nodes).toHaveLength(
      668,
    );
  });

  it("limits each job as a submission of its own", () => {
    const big = job({ payload: { text: "x".repeat(600) } });
    expect(issuesOf({ jobs: { a: big, b: { batch: [job(), big] } } }, "flow", 500)).toEqual([
      "/jobs/a expected at most 500 bytes",
      "/jobs/b/batch/1 expected at most 500 bytes",
    ]);
  });
});

describe("references in a flow", () => {
  it("mark what is read, and whose payload has some; their results are waited for", () => {
    const { flow } = valid({
      jobs: {
        a: job(),
        b: job({ after: ["a"] }),
        c: { batch: [job(), refer("a/result"), refer("b/error/code", "b/result")], after: ["b"] },
        d: { ...refer("c/result", "a/result/x"), after: ["c"] },
        e: job({ after: ["c"], payload: { x: "$${a.result}" } }),
        f: { ...refer("c/error"), after: ["c"], when: "failed" },
      },
    });
    expect(flow.nodes).toEqual([
      { name: "a", type: "note", when: "succeeded", after: [], waitsFor: [], jobs: 1, keeps: true },
      { name: "b", type: "note", when: "succeeded", after: [0], waitsFor: [], jobs: 1, keeps: true },
      {
        name: "c",
        type: null,
        when: "succeeded",
        after: [1],
        waitsFor: [0],
        jobs: 3,
        maxFailures: 0,
        keeps: true,
        refs: [1, 2],
      },
      { name: "d", type: "note", when: "succeeded", after: [2], waitsFor: [6, 0], jobs: 1, refs: [0] },
      { name: "e", type: "note", when: "succeeded", after: [2], waitsFor: [], jobs: 1, refs: [0] },
      { name: "f", type: "note", when: "failed", after: [2], waitsFor: [], jobs: 1, refs: [0] },
      {
        name: "c:results",
        type: "batch_results",
        when: "ended",
        after: [],
        waitsFor: [2],
        jobs: 0,
        resultsOf: 2,
        keeps: true,
      },
    ]);
  });

  it("must name nodes before theirs, directly or through others", () => {
    const jobs = {
      a: refer("a/result", "b/result", "mail/error"),
      b: { ...refer("a/result", "nobody/result"), after: ["a"] },
      mail: job({ after: ["b"], payload: { x: "${a.result.x} ${other.result}" } }),
      other: job(),
    };
    expect(issuesOf({ jobs })).toEqual([
      '/jobs/b/payload/list/1 refers to "nobody", which is no node that it can refer to',
      ...["a", "b", "mail"].map(
        (name, nth) =>
          `/jobs/a/payload/list/${nth} refers to ${name}, which does not come before: name it in after, or in that of a node before`,
      ),
      "/jobs/mail/payload/x refers to other, which does not come before: name it in after, or in that of a node before",
    ]);
  });

  it("leave issues at their places, and below, to the run; others are reported", () => {
    const mailing = (payload: object): object => ({
      jobs: { a: job(), b: { type: "mail", after: ["a"], payload } },
    });
    expect(valid(mailing({ to: { $ref: "a/result/to" }, n: { $ref: "a/result/n" } })).submissions).toHaveLength(2);
    expect(
      valid(mailing({ to: "${a.result.to}", file: { artifact: { $ref: "a/result/f" } } })).submissions,
    ).toHaveLength(2);
    expect(valid(mailing({ to: "x@y", file: { $ref: "a/result" } })).submissions).toHaveLength(2);
    expect(valid(mailing({ $ref: "a/result" })).submissions).toHaveLength(2);
    expect(issuesOf(mailing({ to: "nobody", n: "1", other: { $ref: "a/result" }, body: "${a.result}" }))).toEqual([
      "/jobs/b/payload/to expected an address",
      "/jobs/b/payload/n expected an integer",
    ]);
    expect(issuesOf(mailing({ n: { $ref: "a/result" } }))).toEqual(["/jobs/b/payload/to is required"]);
    expect(issuesOf(mailing({ to: "$${a.result}" }))).toEqual(["/jobs/b/payload/to expected an address"]);
  });

  it("need the scope read where the type may reveal other jobs, and no timeout can be asked for", () => {
    const payload = { ms: { $ref: "a/result" }, list: { $ref: "a/result" } };
    const of = (type: string): Parsed => valid({ jobs: { a: job(), b: { type, payload, after: ["a"] } } });
    expect(of("history").needsRead).toBe(true);
    expect(of("note").needsRead).toBe(false);
    expect(of("slow").submissions[1]?.options).toEqual({});
    expect(of("strict").submissions[1]?.options).toEqual({});
  });
});

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
