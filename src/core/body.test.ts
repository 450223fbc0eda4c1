import { describe, expect, it } from "vitest";
import type { BodyKind } from "./body.ts";
import { MAX_JOBS, parseBody } from "./body.ts";
import type { SubmissionType } from "./submission.ts";

const note: SubmissionType = {
  definition: { attempts: 3 },
  maxBodyBytes: 0,
  issuesOf: (payload) => ("bad" in payload ? [{ path: "/bad", message: "is bad" }] : []),
};
const large: SubmissionType = { ...note, maxBodyBytes: 1_000 };
const types: Readonly<Record<string, SubmissionType>> = { note, large };

function parse(body: string | Uint8Array, kind: BodyKind = "single", maxBodyBytes = 500) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return parseBody({ bytes, kind, maxBodyBytes, now: 0, durability: "redis" }, (type) => types[type]);
}
const codeOf = (parsed: ReturnType<typeof parse>) =>
  "rejection" in parsed ? `${parsed.rejection.status} ${parsed.rejection.code}` : "accepted";
const pathsOf = (parsed: ReturnType<typeof parse>) =>
  "rejection" in parsed ? parsed.rejection.issues.map(({ path }) => path) : [];
const job = (fields: object = {}) => JSON.stringify({ type: "note", payload: {}, ...fields });

describe("parseBody, of one job", () => {
  it.each([
    [job(), "accepted"],
    ["\ufeff" + job(), "accepted"],
    ["{", "400 malformed_json"],
    ["", "400 malformed_json"],
    [job() + "x", "400 malformed_json"],
    ["[".repeat(100_000), "400 json_too_deep"],
    [`{"type":"note","payload":{"a":${"[".repeat(98)}${"]".repeat(98)}}}`, "accepted"],
    [`{"type":"note","payload":{"a":${"[".repeat(99)}${"]".repeat(99)}}}`, "400 json_too_deep"],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), "400 invalid_utf8"],
    [job({ payload: { text: "x".repeat(600) } }), "413 body_too_large"],
    [job({ type: "large", payload: { text: "x".repeat(600) } }), "accepted"],
    [job({ payload: { bad: 1 } }), "422 validation_failed"],
  ])("case %#: %.40s", (body, expected) => {
    expect(codeOf(parse(body))).toBe(expected);
  });

  it.each([
    [`{"type":"note","payload":{},"__proto__":{"isAdmin":true}}`, ["/__proto__"]],
    [`{"type":"note","payload":{"a":[{"__proto__":1}]}}`, ["/payload/a/0/__proto__"]],
    [String.raw`{"type":"note","payload":{"\u005f_proto__":1}}`, ["/payload/__proto__"]],
    [`{"type":"note","payload":{"a":"__proto__"}}`, []],
  ])("rejects the name __proto__: %s", (body, paths) => {
    expect(pathsOf(parse(body))).toEqual(paths);
  });
});

describe("parseBody, of a batch", () => {
  it("returns the submissions in their order, each with its own JSON text", () => {
    const parsed = parse(
      `{"jobs":[${job({ payload: { n: 1 } })}, {"type":"note","payload":{"n":12345678901234567890},"delay_ms":5}]}`,
      "batch",
    );
    expect("submissions" in parsed && parsed.submissions.map(({ payload }) => payload)).toEqual([
      `{"n":1}`,
      `{"n":12345678901234567890}`,
    ]);
    expect(parsed).toMatchObject({ isDelayed: true });
  });

  it.each([
    ["[]", [""]],
    ["{}", ["/jobs"]],
    [`{"jobs":[]}`, ["/jobs"]],
    [`{"jobs":{}}`, ["/jobs"]],
    [`{"jobs":[${job()}],"mode":1}`, ["/mode"]],
    [`{"mode":1,"jobs":[5,${job({ payload: { bad: 1 } })}]}`, ["/mode", "/jobs/0", "/jobs/1/payload/bad"]],
    [
      `{"jobs":[${Array(MAX_JOBS + 1)
        .fill("1")
        .join()}]}`,
      ["/jobs"],
    ],
    [`{"jobs":[${job()},${job({ payload: { bad: 1 } })},5]}`, ["/jobs/1/payload/bad", "/jobs/2"]],
    [`{"jobs":[${job({ payload: { text: "x".repeat(600) } })}]}`, ["/jobs/0"]],
    [`{"jobs":[{"__proto__":1}]}`, ["/jobs/0/__proto__"]],
  ])("rejects %.60s", (body, paths) => {
    expect(codeOf(parse(body, "batch"))).toBe("422 validation_failed");
    expect(pathsOf(parse(body, "batch"))).toEqual(paths);
  });

  it("lists at most a thousand issues", () => {
    expect(pathsOf(parse(`{"jobs":[${Array(2_000).fill("1").join()}]}`, "batch"))).toHaveLength(1_000);
  });

  it.each([
    [1, "The request has an error."],
    [1_000, "The request has 1000 errors."],
    [1_001, "The request has more than 1000 errors: the first 1000 are listed."],
  ])("reports the number of issues, %i", (count, detail) => {
    expect(parse(`{"jobs":[${Array(count).fill("1").join()}]}`, "batch")).toMatchObject({ rejection: { detail } });
    const fields = Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, 1]));
    expect(parse(job(fields))).toMatchObject({ rejection: { detail } });
  });
});

describe("parseBody, of lines", () => {
  it("reads one job per line, and skips empty lines", () => {
    expect(parse(`${job()}\r\n\n${job({ type: "large" })}\n`, "ndjson")).toMatchObject({
      submissions: [{ type: "note" }, { type: "large" }],
    });
  });

  it.each([
    ["\n \n", "422 validation_failed", ["/jobs"]],
    ["1\n".repeat(MAX_JOBS + 1), "422 validation_failed", ["/jobs"]],
    [`${job()}\n\n${job({ payload: { bad: 1 } })}`, "422 validation_failed", ["/jobs/2/payload/bad"]],
    [`${job()}\n{\n}\n`, "400 malformed_json", ["/jobs/1", "/jobs/2"]],
    [`{"__proto__":1}\n${job()}`, "422 validation_failed", ["/jobs/0/__proto__"]],
    ["{\n".repeat(2_000), "400 malformed_json", Array.from({ length: 1_000 }, (_, i) => `/jobs/${i}`)],
  ])("rejects %.40j", (body, code, paths) => {
    expect(codeOf(parse(body, "ndjson"))).toBe(code);
    expect(pathsOf(parse(body, "ndjson"))).toEqual(paths);
  });
});
