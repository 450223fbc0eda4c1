/** Patches of jobs, as parseBody applies them. */
import { describe, expect, it } from "vitest";
import { parseBody } from "./body.ts";
import type { ChangedSubmission, PatchedJob } from "./job-patch.ts";
import type { SubmissionType } from "./submission.ts";

const NOW = 1_800_000_000_000;
const RUN_AT = "2027-06-01T00:00:00Z";
const type: SubmissionType = {
  definition: {
    attempts: 4,
    timeoutMs: 1_000,
    timeoutMsOf: ({ wait }: { wait?: number }) => wait,
    needsRead: ({ reads }: { reads?: boolean }) => reads === true,
  },
  maxBodyBytes: 0,
  issuesOf: (payload) => ("bad" in payload ? [{ path: "/bad", message: "is bad" }] : []),
};
const job: PatchedJob = {
  type: "note",
  payload: `{"n":1.50,"to":"a"}`,
  priority: 7,
  maxAttempts: 9,
  groupKey: "g",
  options: { run_at: NOW + 5, tags: ["x"], expires_at: NOW + 9, callback_url: "https://a.test/" },
  attempt: 0,
};

function patched(patch: unknown, changes: Partial<PatchedJob> = {}, maxBodyBytes = 10_000) {
  return parseBody(
    {
      bytes: Buffer.from(typeof patch === "string" ? patch : JSON.stringify(patch)),
      kind: "single",
      maxBodyBytes,
      now: NOW,
      durability: "postgres",
      patched: { ...job, ...changes },
    },
    (name) => (name === "note" ? type : undefined),
  );
}

function submissionAfter(patch: unknown, changes: Partial<PatchedJob> = {}): ChangedSubmission {
  const parsed = patched(patch, changes);
  if (!("submissions" in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed.submissions[0] as ChangedSubmission;
}

function issuesOf(patch: unknown, changes: Partial<PatchedJob> = {}): unknown {
  const parsed = patched(patch, changes);
  return "rejection" in parsed ? parsed.rejection.issues : parsed;
}

describe("a patch", () => {
  it("leaves the fields that it does not name", () => {
    const { type: name, priority, maxAttempts, groupKey, options } = job;
    expect(submissionAfter({})).toEqual({ type: name, priority, maxAttempts, groupKey, options, payload: "{}" });
    expect(patched({})).toMatchObject({ isPayloadKept: true, needsRead: false });
  });

  it.each([
    [{ run_at: RUN_AT }, { dueAt: Date.parse(RUN_AT), options: { run_at: Date.parse(RUN_AT) } }],
    [{ delay_ms: 500 }, { dueAt: NOW + 500, options: { run_at: NOW + 500 } }],
    [{ run_at: null }, { dueAt: 0 }],
    [{ delay_ms: null }, { dueAt: 0 }],
    [{ run_at: null, delay_ms: null }, { dueAt: 0 }],
    [{ delay_ms: 0 }, { dueAt: 0 }],
    [{ priority: 0 }, { priority: 0 }],
    [{ priority: null }, { priority: 5 }],
    [{ max_attempts: 2 }, { maxAttempts: 2 }],
    [{ max_attempts: null }, { maxAttempts: 4 }],
    [{ tags: ["y", "z"] }, { options: { tags: ["y", "z"] } }],
    [{ expires_at: RUN_AT }, { options: { expires_at: Date.parse(RUN_AT) } }],
    [`{"payload":{"to":"b","k":2.0}}`, { payload: `{"n":1.50,"to":"b","k":2.0}` }],
    [`{"p\\u0061yload":{"to":null}}`, { payload: `{"n":1.50}` }],
  ])("changes what %j names", (patch, after) => {
    expect(submissionAfter(patch)).toMatchObject(after);
  });

  it("removes what it names with null", () => {
    const { options } = submissionAfter({ tags: null, expires_at: null, run_at: null });
    expect(options).toEqual({ callback_url: "https://a.test/" });
    expect(submissionAfter({ tags: [] }).options).not.toHaveProperty("tags");
  });

  it("lists all issues at once", () => {
    expect(
      issuesOf(
        { priority: 10, tags: ["a\n"], run_at: "soon", color: null, type: "x", payload: { bad: 1 }, max_attempts: 2 },
        { attempt: 3 },
      ),
    ).toEqual(
      expect.arrayContaining([
        { path: "/priority", message: expect.any(String) as string },
        { path: "/tags/0", message: expect.any(String) as string },
        { path: "/run_at", message: expect.stringContaining("RFC 3339") as string },
        { path: "/color", message: "is not a known field" },
        { path: "/type", message: "cannot be changed after submission" },
        { path: "/payload/bad", message: "is bad" },
        { path: "/max_attempts", message: "expected at least 4: the job has made 3 attempts" },
      ]),
    );
  });

  it.each([
    [{ run_at: RUN_AT, delay_ms: 1 }, "/delay_ms"],
    [{ run_at: null, delay_ms: 1 }, "/delay_ms"],
    [{ delay_ms: null, run_at: RUN_AT }, "/delay_ms"],
    [{ run_at: "2029-01-01T00:00:00Z" }, "/run_at"],
    [{ payload: null }, "/payload"],
    [{ payload: [1] }, "/payload"],
    [{ group_key: null }, "/group_key"],
    ["[]", ""],
    ["null", ""],
    ["7", ""],
  ])("rejects %j", (patch, path) => {
    expect(issuesOf(patch)).toEqual([{ path, message: expect.any(String) as string }]);
  });

  it("accepts only as many attempts as leave one", () => {
    expect(issuesOf({ max_attempts: null }, { attempt: 4 })).toMatchObject([{ path: "/max_attempts" }]);
    expect(submissionAfter({ max_attempts: 4 }, { attempt: 3 })).toMatchObject({ maxAttempts: 4 });
  });

  it("derives the timeout from the payload again, unless it was submitted", () => {
    const payload = `{"wait":5000}`;
    const derived = { payload, options: { timeout_ms: 5_000 } };
    const given = { payload, options: { timeout_ms: 6_000 } };
    expect(submissionAfter({ payload: { wait: 7_000 } }, derived).options).toEqual({ timeout_ms: 7_000 });
    expect(submissionAfter({ payload: { wait: null } }, derived).options).toEqual({});
    expect(submissionAfter({ payload: { wait: 5_500 } }, given).options).toEqual({ timeout_ms: 6_000 });
    expect(issuesOf({ payload: { wait: 7_000 } }, given)).toMatchObject([{ path: "/payload/timeout_ms" }]);
  });

  it("keeps a secret that it repeats as it is shown", () => {
    const secret = { payload: `{"secret":"s3cret","to":"a"}` };
    expect(submissionAfter({ payload: { secret: "[redacted]", to: "b" } }, secret)).toMatchObject({
      payload: `{"secret":"s3cret","to":"b"}`,
    });
  });

  it("reports that the new payload reads other jobs", () => {
    expect(patched({ payload: { reads: true } })).toMatchObject({ needsRead: true });
    expect(patched({ priority: 1 }, { payload: `{"reads":true}` })).toMatchObject({ needsRead: false });
  });

  it("rejects a payload that is too large or too deep once it is merged", () => {
    const half = `{"a":"${"x".repeat(60)}"}`;
    expect(patched({ payload: { b: "x".repeat(60) } }, { payload: half }, 120)).toMatchObject({
      rejection: { status: 413 },
    });
    const nested = (levels: number): string => `{"a":`.repeat(levels) + "1" + "}".repeat(levels);
    expect(patched(`{"payload":${nested(98)}}`, { payload: nested(98) })).toMatchObject({ submissions: [{}] });
    expect(patched(`{"payload":{"a":${nested(99)}}}`)).toMatchObject({ rejection: { code: "json_too_deep" } });
  });

  it("works on a job whose type is gone, except for the payload", () => {
    expect(submissionAfter({ priority: 1 }, { type: "gone" })).toMatchObject({ priority: 1, type: "gone" });
    expect(issuesOf({ payload: {} }, { type: "gone" })).toMatchObject([{ path: "/payload" }]);
  });
});
