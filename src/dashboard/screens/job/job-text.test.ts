import { describe, expect, it } from "vitest";
import type { Job, Status } from "../../../client/taskflow.ts";
import type { Action } from "./job-text.ts";
import { endingOf, filtersOf, unavailableFor } from "./job-text.ts";

const job = (fields: Partial<Job>): Job =>
  ({
    status: "completed",
    payload: {},
    attempt: 1,
    max_attempts: 3,
    error: null,
    erased_at: null,
    created_at: "2026-03-01T12:00:00.000Z",
    finished_at: "2026-03-01T12:00:02.000Z",
    ...fields,
  }) as Job;

describe("endingOf", () => {
  it.each([
    [{}, "It completed at the first attempt, 2 s after it was accepted."],
    [{ attempt: 2 }, "It completed at attempt 2 of 3, 2 s after it was accepted."],
    [
      { status: "failed", attempt: 3, error: { code: "timeout", message: "", attempt: 3 } },
      "It failed at attempt 3 of 3 with the error timeout.",
    ],
    [
      { status: "failed", attempt: 0, error: { code: "expired", message: "", attempt: 0 } },
      "It failed before it started with the error expired.",
    ],
    [{ status: "cancelled", attempt: 0 }, "It was cancelled before it started, 2 s after it was accepted."],
    [{ status: "cancelled", attempt: 2 }, "It was cancelled at attempt 2 of 3."],
    [
      { status: "cancelled", attempt: 0, error: { code: "dependency_failed", message: "", attempt: 0 } },
      "It could not run, because of a job that it waited for.",
    ],
    [
      { status: "cancelled", attempt: 0, error: { code: "not_needed", message: "", attempt: 0 } },
      "It was not needed, so it did not run.",
    ],
  ] as [Partial<Job>, string][])("says of %j: %s", (fields, text) => {
    expect(endingOf(job(fields))).toBe(text);
  });
});

describe("unavailableFor", () => {
  it.each([
    ["retry", ["failed", "cancelled"]],
    ["edit", ["completed", "failed", "cancelled"]],
    ["cancel", ["waiting", "scheduled", "queued", "running", "retrying"]],
    ["run", ["scheduled", "retrying"]],
    ["reschedule", ["waiting", "scheduled", "queued", "retrying"]],
    ["priority", ["waiting", "scheduled", "queued", "retrying"]],
    ["erase", ["completed", "failed", "cancelled"]],
  ] as [Action, Status[]][])("allows %s for %j", (action, allowed) => {
    const all: Status[] = [
      ...(["waiting", "scheduled", "queued", "running", "retrying"] as const),
      ...(["completed", "failed", "cancelled"] as const),
    ];
    expect(all.filter((status) => unavailableFor(action, job({ status })) === undefined)).toEqual(allowed);
  });

  it("offers nothing that needs a payload which is not there", () => {
    const erased = job({ status: "failed", erased_at: "2026-03-01T12:00:00Z", payload: null });
    expect(unavailableFor("retry", erased)).toBe("Its payload was erased.");
    expect(unavailableFor("edit", erased)).toBe("Its payload was erased.");
    const large = job({ status: "failed", payload: null, payload_omitted: true });
    expect(unavailableFor("edit", large)).toBe("Its payload is too large to be edited here.");
    expect(unavailableFor("retry", large)).toBeUndefined();
  });
});

describe("filtersOf", () => {
  it("has the filters of jobs that act on others", () => {
    const payload = { status: "failed", "payload.order": "42", rate: 50, set: { priority: 1 } };
    expect(filtersOf({ type: "bulk_update", payload })).toBe('{"status":"failed","payload.order":"42"}');
    expect(filtersOf({ type: "webhook", payload })).toBeUndefined();
  });
});
