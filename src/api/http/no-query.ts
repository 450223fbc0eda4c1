/** Calls without parameters of the query. */
import { invalid } from "../../core/body.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import type { Answer, ApiRequest } from "./exchange.ts";
import { problemOfRejection } from "./problem.ts";

/** An issue for each parameter. @param query as in the URL */
export function issuesOfNoQuery(query: string): ValidationIssue[] {
  if (query === "") return [];
  const names = new Set(new URLSearchParams(query).keys());
  return [...names].map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a known field" }));
}

/** The call, but it rejects requests with parameters. */
export function withoutQuery(
  answerOf: (request: ApiRequest) => Promise<Answer>,
): (request: ApiRequest) => Promise<Answer> {
  return (request) => {
    const issues = issuesOfNoQuery(request.query);
    return issues.length === 0 ? answerOf(request) : Promise.resolve(problemOfRejection(invalid(issues).rejection));
  };
}
