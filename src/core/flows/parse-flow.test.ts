import { describe, expect, it } from "vitest";
import { issuesOf, job, type Parsed, refer, valid } from "../../testing/flow-bodies.ts";

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
