import { describe, expect, it } from "vitest";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { areShown, hasOptionIssue, issuesOf, payloadIssues } from "./submission-issues.ts";

const issues = [
  { path: "/payload", message: "expected an object" },
  { path: "/payload/to/0", message: "expected an address" },
  { path: "/payloads", message: "unknown" },
  { path: "/tags/1", message: "expected a text" },
];

describe("the issues of a submission", () => {
  it("are those of the answer, and of the idempotency key", () => {
    expect(issuesOf(new TaskFlowError("validation_failed", 422, "Not valid.", { errors: issues }))).toBe(issues);
    expect(issuesOf(new TaskFlowError("idempotency_key_reused", 409, "Used."))).toEqual([
      { path: "/idempotency_key", message: "Used." },
    ]);
    expect(issuesOf(new TaskFlowError("unreachable", 0, "No answer."))).toEqual([]);
    expect(issuesOf(new Error("no answer"))).toEqual([]);
  });

  it("are split by payload and options", () => {
    expect(payloadIssues(issues)).toEqual([
      { path: "", message: "expected an object" },
      { path: "/to/0", message: "expected an address" },
    ]);
    expect(hasOptionIssue(issues)).toBe(true);
    expect(hasOptionIssue(issues.slice(0, 3))).toBe(false);
  });

  it("are shown as a whole where one has no field", () => {
    expect(areShown(issues)).toBe(false);
    expect(areShown(issues.filter(({ path }) => path !== "/payloads"))).toBe(true);
  });
});
