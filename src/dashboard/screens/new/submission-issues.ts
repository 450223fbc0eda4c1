/** The issues of a submission, by the part of the form that shows them. */
import { TaskFlowError } from "../../../client/taskflow.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { KEY_PATH } from "./job-options.ts";

const PAYLOAD = "/payload";
/** The paths of all options that the form has fields for. */
const OPTIONS = [
  "/priority",
  "/delay_ms",
  "/run_at",
  "/tags",
  "/group_key",
  "/max_attempts",
  "/expires_at",
  "/callback_url",
  "/durability",
  KEY_PATH,
];

/** The issues that an error has for fields of the form; none for another error. */
export function issuesOf(error: unknown): readonly FieldIssue[] {
  if (!(error instanceof TaskFlowError)) return [];
  if (error.code.startsWith("idempotency_key_")) return [{ path: KEY_PATH, message: error.message }];
  return error.errors;
}

/** Whether every issue has a field that shows it. */
export function areShown(issues: readonly FieldIssue[]): boolean {
  return issues.every(({ path }) => [PAYLOAD, ...OPTIONS].some((field) => isIn(path, field)));
}

/** The issues of the payload, with pointers into it. */
export function payloadIssues(issues: readonly FieldIssue[]): readonly FieldIssue[] {
  return issues
    .filter(({ path }) => isIn(path, PAYLOAD))
    .map(({ path, message }) => ({ path: path.slice(PAYLOAD.length), message }));
}

export function hasOptionIssue(issues: readonly FieldIssue[]): boolean {
  return issues.some(({ path }) => OPTIONS.some((option) => isIn(path, option)));
}

function isIn(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}/`);
}
