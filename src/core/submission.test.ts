import { describe, expect, it } from "vitest";
import type { Durability } from "./job.ts";
import type { SubmissionType } from "./submission.ts";
import { parseSubmission } from "./submission.ts";

const NOW = Date.UTC(2026, 0, 1);
const type = (issues: readonly { path: string; message: string }[] = []): SubmissionType => ({
  definition: { attempts: 4 },
  maxBodyBytes: 0,
  issuesOf: () => issues,
});
const types = new Map<string, SubmissionType>([
  ["note", type()],
  [
    "picky",
    type([
      { path: "/to", message: "is no address" },
      { path: "", message: "is odd" },
    ]),
  ],
  [
    "webhook",
    {
      ...type(),
      issuesOf: (payload) =>
        (payload as { url: string }).url.startsWith("http")
          ? []
          : [{ path: "/url", message: "must be an http or https URL" }],
    },
  ],
]);

function parse(fields: object, lookup = types) {
  const json = JSON.stringify({ type: "note", payload: { a: 1 }, ...fields });
  return parseSubmission(JSON.parse(json), json, (name) => lookup.get(name), NOW, "redis");
}

const issuesOf = (parsed: ReturnType<typeof parse>): string[] =>
  "issues" in parsed ? parsed.issues.map(({ path, message }) => `${path} ${message}`) : [];

describe("parseSubmission", () => {
  it("fills in the defaults, of the program and of the type", () => {
    expect(parse({})).toEqual({
      submission: { type: "note", payload: `{"a":1}`, priority: 5, maxAttempts: 4, groupKey: null, options: {} },
      isDelayed: false,
      needsRead: false,
    });
  });

  it("accepts all fields", () => {
    const fields = {
      priority: 0,
      run_at: "2026-01-02T00:00:00Z",
      max_attempts: 25,
      backoff: { kind: "fixed", base_ms: 50 },
      timeout_ms: 100,
      expires_at: "2026-01-03T00:00:00+01:00",
      tags: ["a", "ü"],
      callback_url: "https://a.example/done",
      group_key: "customer 7/é",
      durability: "redis",
    };
    expect(parse(fields)).toEqual({
      submission: {
        type: "note",
        payload: `{"a":1}`,
        priority: 0,
        maxAttempts: 25,
        groupKey: "customer 7/é",
        options: {
          run_at: NOW + 86_400_000,
          expires_at: NOW + 47 * 3_600_000,
          timeout_ms: 100,
          backoff: { kind: "fixed", base_ms: 50, max_ms: 50 },
          tags: ["a", "ü"],
          callback_url: "https://a.example/done",
        },
      },
      isDelayed: false,
      needsRead: false,
    });
  });

  it("uses the given durability, else that of the server", () => {
    const optionsOf = (fields: object, durability: Durability): unknown => {
      const value = { type: "note", payload: {}, ...fields };
      const parsed = parseSubmission(value, JSON.stringify(value), (name) => types.get(name), NOW, durability);
      return "submission" in parsed ? parsed.submission.options : parsed.issues;
    };
    expect(optionsOf({}, "redis")).toEqual({});
    expect(optionsOf({}, "postgres")).toEqual({ durability: "postgres" });
    expect(optionsOf({ timeout_ms: 100 }, "postgres")).toEqual({ timeout_ms: 100, durability: "postgres" });
    expect(optionsOf({ durability: "redis" }, "postgres")).toEqual({});
    expect(optionsOf({ durability: "postgres" }, "redis")).toEqual({ durability: "postgres" });
  });

  it("uses the timeout that the payload requests, and rejects a job that allows less", () => {
    const slow: SubmissionType = {
      ...type(),
      definition: {
        attempts: 4,
        timeoutMs: 30_000,
        timeoutMsOf: (payload: { timeout_ms?: number }) => payload.timeout_ms,
      },
    };
    const lookup = new Map([["note", slow]]);
    const timed = (asked: number | undefined, timeout_ms?: number) =>
      parse({ payload: { timeout_ms: asked }, timeout_ms }, lookup);
    for (const [asked, ofJob, expected] of [
      [60_000, undefined, 60_000],
      [30_000, undefined, undefined],
      [undefined, undefined, undefined],
      [60_000, 60_000, 60_000],
      [500, 90_000, 90_000],
    ] as const) {
      expect(timed(asked, ofJob)).toMatchObject({
        submission: { options: expected === undefined ? {} : { timeout_ms: expected } },
      });
    }
    expect(timed(30_000)).toHaveProperty("submission.options", {});
    expect(issuesOf(timed(60_000, 59_999))).toEqual([
      "/payload/timeout_ms expected at most the job's timeout_ms, 59999",
    ]);
    expect(issuesOf(timed(2_000, 1_000))).toEqual(["/payload/timeout_ms expected at most the job's timeout_ms, 1000"]);
  });

  it("turns a delay into a time, and marks the submission as delayed", () => {
    expect(parse({ delay_ms: 5_000 })).toMatchObject({
      submission: { options: { run_at: NOW + 5_000 } },
      isDelayed: true,
    });
    expect(parse({ delay_ms: 0, tags: [] })).toMatchObject({ submission: { options: {} }, isDelayed: false });
  });

  it("treats a time before 1970 as past", () => {
    expect(parse({ run_at: "1969-12-31T00:00:00Z", expires_at: "0000-01-01T00:00:00Z" })).toMatchObject({
      submission: { options: { run_at: 0, expires_at: 0 } },
    });
  });

  it("sets the default max_ms of an exponential backoff", () => {
    expect(parse({ backoff: { kind: "exponential", base_ms: 100 } })).toMatchObject({
      submission: { options: { backoff: { max_ms: 600_000 } } },
    });
    expect(parse({ backoff: { kind: "exponential", base_ms: 700_000 } })).toMatchObject({
      submission: { options: { backoff: { max_ms: 700_000 } } },
    });
  });

  it("keeps the payload's JSON text, in one line", () => {
    const json = `{"payload":{"n":12345678901234567890,\n\t"x":1e400},"type":"note"}`;
    expect(parseSubmission(JSON.parse(json), json, (name) => types.get(name), NOW, "redis")).toMatchObject({
      submission: { payload: `{"n":12345678901234567890,  "x":1e400}` },
    });
  });

  it.each([
    [{ priority: 10 }, ["/priority expected a number <= 9"]],
    [{ priority: "5" }, ["/priority expected an integer"]],
    [{ max_attempts: 0 }, ["/max_attempts expected a number >= 1"]],
    [{ max_attempts: 26 }, ["/max_attempts expected a number <= 25"]],
    [{ timeout_ms: 99 }, ["/timeout_ms expected a number >= 100"]],
    [{ run_at: "soon" }, ["/run_at expected a time as in 2026-01-31T12:00:00Z (RFC 3339)"]],
    [{ run_at: "2026-12-31T24:00:00Z" }, ["/run_at expected a time as in 2026-01-31T12:00:00Z (RFC 3339)"]],
    [{ run_at: "2027-01-03T00:00:00Z" }, ["/run_at expected a time at most one year ahead"]],
    [{ run_at: "2026-01-01T00:00:00Z", delay_ms: 1 }, ["/delay_ms must not be given together with run_at"]],
    [{ delay_ms: 366 * 86_400_000 + 1 }, ["/delay_ms expected a number <= 31622400000"]],
    [{ delay_ms: -1 }, ["/delay_ms expected a number >= 0"]],
    [{ expires_at: 5 }, ["/expires_at expected a string"]],
    [{ expires_at: "5" }, ["/expires_at expected a time as in 2026-01-31T12:00:00Z (RFC 3339)"]],
    [{ backoff: { kind: "linear", base_ms: 1 } }, [`/backoff/kind expected "exponential" or "fixed"`]],
    [{ backoff: { kind: "fixed" } }, ["/backoff/base_ms is required"]],
    [{ backoff: { kind: "fixed", base_ms: 5, max_ms: 4 } }, ["/backoff/max_ms expected at least base_ms"]],
    [{ tags: Array(11).fill("a") }, ["/tags expected at most 10 items"]],
    [
      { tags: ["", "a".repeat(65), "a\nb", "\ud800"] },
      [
        "/tags/0 expected at least 1 character",
        "/tags/1 expected at most 64 characters",
        "/tags/2 expected text without control characters",
        "/tags/3 expected text without control characters",
      ],
    ],
    [
      { tags: ["ok", "a\nb", "\ud800"] },
      ["/tags/1 expected text without control characters", "/tags/2 expected text without control characters"],
    ],
    [{ group_key: "" }, ["/group_key expected at least 1 character"]],
    [{ group_key: "a".repeat(256) }, ["/group_key expected at most 255 characters"]],
    [{ group_key: "\u0000" }, ["/group_key expected text without control characters"]],
    [{ group_key: "語".repeat(101) }, ["/group_key expected at most 900 characters when percent-encoded"]],
    [{ callback_url: "ftp://a.example" }, ["/callback_url must be an http or https URL"]],
    [{ durability: "disk" }, [`/durability expected "redis" or "postgres"`]],
    [{ type: "other" }, ["/type is not a job type of this server"]],
    [{ type: undefined, payload: undefined }, ["/type is required", "/payload is required"]],
    [{ payload: [] }, ["/payload expected an object"]],
    [{ retry_of: "x" }, ["/retry_of is not a known field"]],
    [{ type: "picky" }, ["/payload/to is no address", "/payload is odd"]],
  ])("rejects %j", (fields, expected) => {
    expect(issuesOf(parse(fields))).toEqual(expected);
  });

  it("lists all issues of the envelope and of the payload at once", () => {
    const parsed = parse({
      type: "picky",
      priority: 11,
      colour: "red",
      tags: ["\u0007"],
      run_at: "soon",
      group_key: "\u0000",
    });
    expect(issuesOf(parsed).map((issue) => issue.split(" ", 1)[0])).toEqual([
      "/colour",
      "/priority",
      "/run_at",
      "/tags/0",
      "/group_key",
      "/payload/to",
      "/payload",
    ]);
  });

  it.each([null, 5, "a", [], [{}]])("rejects %j, which is not an object", (value) => {
    expect(issuesOf(parseSubmission(value, JSON.stringify(value), (name) => types.get(name), NOW, "redis"))).toEqual([
      " expected an object",
    ]);
  });

  it("rejects a callback if no job type delivers it", () => {
    expect(issuesOf(parse({ callback_url: "https://a.example" }, new Map([["note", type()]])))).toEqual([
      "/callback_url callbacks are not available on this server",
    ]);
  });
});
