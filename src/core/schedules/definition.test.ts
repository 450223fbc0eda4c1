import { beforeAll, describe, expect, it } from "vitest";
import type { ValidationIssue } from "../schema-issues.ts";
import type { SubmissionType } from "../submission.ts";
import { loadCron } from "./cron.ts";
import { parseSchedule, readDefinition } from "./definition.ts";
import { previewOf } from "./preview.ts";
import { submissionOf } from "./tick-job.ts";

beforeAll(loadCron);

const ECHO: SubmissionType = {
  definition: { attempts: 3 },
  maxBodyBytes: 0,
  issuesOf: (payload) => ("bad" in payload ? [{ path: "/bad", message: "is bad" }] : []),
};
const RULES = {
  name: "nightly",
  now: Date.UTC(2026, 0, 1),
  typeOf: (type: string) => (type === "echo" ? ECHO : undefined),
  durability: "redis",
} as const;

function parse(json: string): ReturnType<typeof parseSchedule> {
  return parseSchedule(JSON.parse(json), json, RULES);
}

function textOf(json: string): string {
  const parsed = parse(json);
  if ("issues" in parsed) throw new Error(JSON.stringify(parsed.issues));
  expect(parsed.definition).toEqual(readDefinition(parsed.text));
  return parsed.text;
}

function issuesOf(json: string): readonly ValidationIssue[] {
  const parsed = parse(json);
  return "issues" in parsed ? parsed.issues : [];
}

const JOB = '"job":{"type":"echo","payload":{}}';

describe("the text of a definition", () => {
  it("has all defaults, and the job with all digits of its numbers, in one line", () => {
    const json = `{"cron":" 0  3 * * 1-5","job":\n {"type": "echo", "payload": {"n": 1.500, "s": "a  b\\" "}}}`;
    expect(textOf(json)).toBe(
      '{"cron":"0 3 * * 1-5","time_zone":"UTC","overlap":"skip","catch_up":{"policy":"last","within_ms":null,"max":100},' +
        '"jitter_ms":0,"start_at":null,"end_at":null,"max_runs":null,"pause_after_failures":null,' +
        '"job":{"type":"echo","payload":{"n":1.500,"s":"a  b\\" "}},"description":null}',
    );
  });

  it.each([
    `{"cron":"*/5 * * * *","time_zone":"Asia/Kathmandu",${JOB},"overlap":"allow"}`,
    `{"every_ms":5000,"offset_ms":7,"jitter_ms":9,${JOB},"max_runs":3,"pause_after_failures":2}`,
    `{"times":["2027-01-02T00:00:00+01:00","2026-01-01T00:00:00Z","2026-01-01T01:00:00+01:00"],${JOB}}`,
    `{"every_ms":5000,"start_at":"2026-01-01T00:00:00+01:00","end_at":"2027-01-01T00:00:00Z",${JOB},"description":"x"}`,
  ])("is the same when it is sent back: %s", (json) => {
    const text = textOf(json);
    expect(textOf(text)).toBe(text);
  });

  it("has instants in order, and once", () => {
    const text = textOf(
      `{"times":["2027-01-02T00:00:00+01:00","2026-01-01T00:00:00Z","2026-01-01T01:00:00+01:00"],${JOB}}`,
    );
    expect(readDefinition(text).timing).toEqual({
      kind: "times",
      times: [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1, 23)],
    });
  });
});

describe("a definition that is not valid", () => {
  it("has all its issues reported at once", () => {
    const issues = issuesOf(
      '{"cron":"0 0 30 2 *","every_ms":10,"time_zone":"Mars/X","foo":1,"overlap":"x","start_at":"2026-01-02T00:00:00Z",' +
        '"end_at":"2026-01-01T00:00:00Z","catch_up":{"max":0},' +
        '"job":{"type":"echo","payload":{"bad":1,"at":"${tickets}"},"run_at":"x","delay_ms":1,"expires_at":"x","priority":10}}',
    );
    expect(issues.map(({ path }) => path).sort()).toEqual([
      "/catch_up/max",
      "/cron",
      "/end_at",
      "/every_ms",
      "/every_ms",
      "/foo",
      "/job/delay_ms",
      "/job/expires_at",
      "/job/payload/at",
      "/job/payload/bad",
      "/job/priority",
      "/job/run_at",
      "/overlap",
      "/time_zone",
    ]);
  });

  it.each([
    ["[]", "", "expected an object"],
    ["null", "", "expected an object"],
    [`{${JOB}}`, "", "expected exactly one of cron, every_ms and times"],
    [`{"cron":"@daily","every_ms":1000,${JOB}}`, "/every_ms", "expected exactly one of cron, every_ms and times"],
    ['{"cron":"@daily"}', "/job", "is required"],
    [`{"cron":"@daily","offset_ms":5,${JOB}}`, "/offset_ms", "is only for every_ms"],
    [`{"every_ms":1000,"offset_ms":1000,${JOB}}`, "/offset_ms", "expected less than every_ms"],
    [`{"times":["2026-02-30T00:00:00Z"],${JOB}}`, "/times/0", "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)"],
    [`{"times":["1969-12-31T00:00:00Z"],${JOB}}`, "/times/0", "expected a time from 1970 to 9999"],
    [
      `{"cron":"@daily","time_zone":"+01:00",${JOB}}`,
      "/time_zone",
      "is not a known time zone: expected an IANA name, such as Europe/Berlin",
    ],
    ['{"cron":"@daily","job":{"type":"other","payload":{}}}', "/job/type", "is not a job type of this server"],
    [
      `{"cron":"@daily","job":{"type":"echo","payload":{"a":"${"x".repeat(33_000)}"}}}`,
      "/job",
      "expected at most 32768 bytes without space between tokens",
    ],
    [
      `{"cron":"@daily","job":{"type":"echo","payload":{"a":"${"${tick}".repeat(4_000)}"}}}`,
      "/job/payload",
      "expected at most 32768 characters, with its templates resolved",
    ],
    [
      `{"cron":"@daily","catch_up":{"max":1000},"job":{"type":"echo","payload":{"a":"${"x".repeat(8_000)}"}}}`,
      "/catch_up/max",
      "expected at most 522 for a job of this size",
    ],
  ])("case %#", (json, path, message) => {
    expect(issuesOf(json)).toEqual([{ path, message }]);
  });
});

describe("the job of a tick", () => {
  const tick = { name: "nightly", tick: Date.UTC(2026, 0, 2), previousTick: undefined, apiKey: "0123456789abcdef" };

  it("has its templates resolved, its tick and the key that pays for it", () => {
    const job = '{"type":"echo","payload":{"day":"${tick-1d:YYYY-MM-DD}","n":1.50},"tags":["t-${tick:DD}"]}';
    expect(submissionOf({ job, timeZone: "UTC" }, tick, RULES)).toEqual({
      submission: {
        type: "echo",
        payload: '{"day":"2026-01-01","n":1.50}',
        priority: 5,
        maxAttempts: 3,
        groupKey: null,
        options: { tags: ["t-02"], api_key: tick.apiKey, schedule: { name: "nightly", tick: tick.tick } },
      },
    });
  });

  it("has issues if its type has changed since", () => {
    const job = '{"type":"gone","payload":{}}';
    expect(submissionOf({ job, timeZone: "UTC" }, tick, RULES)).toEqual({
      issues: [{ path: "/type", message: "is not a job type of this server" }],
    });
  });
});

describe("a preview", () => {
  const preview = (cron: string, after: string, count: number): unknown => {
    const definition = {
      timing: { kind: "cron", cron, timeZone: "Europe/Berlin" },
      timeZone: "Europe/Berlin",
    } as const;
    return previewOf({ ...definition, startAt: null, endAt: null, maxRuns: null }, "a", Date.parse(after), count).map(
      ({ local, note }) => [local, note],
    );
  };

  it("explains ticks that a change of the clock moves", () => {
    expect(preview("30 2 * * *", "2026-03-28T12:00Z", 2)).toEqual([
      [
        "2026-03-29T03:00:00+02:00",
        "02:30 does not exist on 2026-03-29: the clock goes from 02:00 to 03:00, so the tick is at the first instant after that.",
      ],
      ["2026-03-30T02:30:00+02:00", null],
    ]);
    expect(preview("30 2 * * *", "2026-10-24T12:00Z", 2)).toEqual([
      ["2026-10-25T02:30:00+02:00", "02:30 occurs twice on 2026-10-25: the tick is at the first of both."],
      ["2026-10-26T02:30:00+01:00", null],
    ]);
    expect(preview("0 * * * *", "2026-10-24T23:30Z", 3)).toEqual([
      ["2026-10-25T02:00:00+02:00", "02:00 occurs twice on 2026-10-25: this is the first time."],
      ["2026-10-25T02:00:00+01:00", "02:00 occurs twice on 2026-10-25: this is the second time."],
      ["2026-10-25T03:00:00+01:00", null],
    ]);
  });

  it("explains a tick that keeps the interval", () => {
    const timeZone = "Australia/Lord_Howe";
    const definition = {
      timing: { kind: "cron", cron: "0 * * * *", timeZone },
      timeZone,
      startAt: null,
      endAt: null,
      maxRuns: null,
    } as const;
    const [first] = previewOf(definition, "a", Date.parse("2026-10-03T15:00Z"), 1);
    expect(first).toEqual({
      at: "2026-10-03T15:30:00.000Z",
      local: "2026-10-04T02:30:00+11:00",
      note: "The clock changes on 2026-10-04: this tick keeps the wait from becoming longer than the interval.",
    });
  });

  it("begins after start_at", () => {
    const timing = { kind: "every", everyMs: 60_000, offsetMs: 500 } as const;
    const definition = { timing, timeZone: "UTC", startAt: Date.UTC(2026, 5, 1), endAt: null, maxRuns: null };
    expect(previewOf(definition, "a", 0, 1)).toEqual([
      { at: "2026-06-01T00:00:00.500Z", local: "2026-06-01T00:00:00.500+00:00", note: null },
    ]);
  });

  it("has no more ticks than max_runs, and none after the year 9999", () => {
    const definition = readDefinition(textOf(`{"every_ms":1000,"start_at":"9999-12-31T23:59:58Z",${JOB}}`));
    const times = (maxRuns: number | null): string[] =>
      previewOf({ ...definition, maxRuns }, "a", 0, 20).map(({ at }) => at);
    expect(times(null)).toEqual(["9999-12-31T23:59:58.000Z", "9999-12-31T23:59:59.000Z"]);
    expect(times(1)).toEqual(["9999-12-31T23:59:58.000Z"]);
  });
});
