/** The query parameters of lists of flows, and of their jobs. */
import { FLOW_KINDS, FLOW_STATUSES } from "../../../core/flows/flow.ts";
import type { FlowFilter, FlowJobsFilter } from "../../../core/flows/flows.ts";
import { isId } from "../../../core/id.ts";
import { STATUSES } from "../../../core/job.ts";
import type { ValidationIssue } from "../../../core/schema-issues.ts";
import { readQuery } from "../list-parameters.ts";

const MAX_NAME_LENGTH = 255;

type Issues = { readonly issues: readonly ValidationIssue[] };

/** @param names the parameters of the call beside those of every list */
export function readFlowQuery(query: string, names: readonly ["kind"] | readonly []): FlowFilter | Issues {
  const { params, limit, issues } = readQuery(query, [...names, "status", "name"]);
  const filter = {
    kind: listOf(params, "kind", FLOW_KINDS, issues),
    status: listOf(params, "status", FLOW_STATUSES, issues),
    name: textOf(params, "name", issues),
    below: cursorOf(params, issues),
  };
  return issues.length > 0 ? { issues } : { limit, ...given(filter) };
}

export interface FlowJobsQuery extends FlowJobsFilter {
  /** Whether payloads and results are left out. */
  readonly isSummary: boolean;
}

/** @param names the parameters of the call beside those of both lists of jobs */
export function readFlowJobsQuery(query: string, names: readonly ["node"] | readonly []): FlowJobsQuery | Issues {
  const { params, limit, issues } = readQuery(query, [...names, "status", "view"]);
  const view = params.get("view");
  if (view !== null && view !== "full" && view !== "summary")
    issues.push({ path: "/view", message: "expected full or summary" });
  const filter = {
    status: listOf(params, "status", STATUSES, issues),
    node: textOf(params, "node", issues),
    after: cursorOf(params, issues),
  };
  return issues.length > 0 ? { issues } : { limit, isSummary: view === "summary", ...given(filter) };
}

/** The members that have a value. */
function given<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Members]?: Exclude<Members[Name], undefined>;
  };
}

function listOf<Value extends string>(
  params: URLSearchParams,
  name: string,
  values: readonly Value[],
  issues: ValidationIssue[],
): readonly Value[] | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  const asked = [...new Set(text.split(","))];
  const known = values.filter((value) => asked.includes(value));
  if (known.length < asked.length)
    issues.push({ path: `/${name}`, message: `expected one or more of ${values.join(", ")}` });
  return known;
}

function textOf(params: URLSearchParams, name: string, issues: ValidationIssue[]): string | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  if (text === "" || text.length > MAX_NAME_LENGTH || text.includes("\0"))
    issues.push({ path: `/${name}`, message: `expected 1 to ${MAX_NAME_LENGTH} characters` });
  return text;
}

function cursorOf(params: URLSearchParams, issues: ValidationIssue[]): string | undefined {
  const cursor = params.get("cursor");
  if (cursor === null) return undefined;
  if (!isId(cursor)) issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
  return cursor;
}
