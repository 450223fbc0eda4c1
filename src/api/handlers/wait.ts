/** How long a submission wants to wait for its job to end: `?wait=SECONDS`, or `Prefer: wait=SECONDS` (RFC 7240, section 4.3). */
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { MAX_WAIT_SECONDS } from "../contract/wait-limit.ts";
import type { ApiRequest } from "../http/exchange.ts";

/** Of a preference that is given twice, the first counts (RFC 7240, section 2). */
const WAIT = /(?:^|,)\s*wait\s*=\s*(?:(\d{1,9})|"(\d{1,9})")\s*(?=$|[,;])/i;

export interface Wait {
  /** 0 where nobody asked. */
  readonly ms: number;
  /** What is said of a preference that was followed. */
  readonly applied?: readonly [name: string, value: string];
  /** Of a query that is wrong. */
  readonly issues?: readonly ValidationIssue[];
}

const NO_WAIT: Wait = { ms: 0 };

/** What the query says counts, then the preference, which is held to the maximum: it is a wish and no demand. */
export function readWait({ query, headers }: Pick<ApiRequest, "query" | "headers">): Wait {
  if (query === "" && headers.prefer === "") return NO_WAIT;
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [...new Set(params.keys())]
    .filter((name) => name !== "wait")
    .map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a parameter of this call" }));
  const [asked, ...more] = params.getAll("wait");
  if (more.length > 0) issues.push({ path: "/wait", message: "is given more than once" });
  if (asked !== undefined && !(/^\d{1,3}$/.test(asked) && Number(asked) <= MAX_WAIT_SECONDS))
    issues.push({ path: "/wait", message: `expected an integer from 0 to ${MAX_WAIT_SECONDS}` });
  if (issues.length > 0) return { ms: 0, issues };
  if (asked !== undefined) return { ms: Number(asked) * 1_000 };
  const [, plain, quoted] = WAIT.exec(headers.prefer) ?? [];
  const preferred = Math.min(Number(plain ?? quoted ?? 0), MAX_WAIT_SECONDS);
  return preferred === 0 ? NO_WAIT : { ms: preferred * 1_000, applied: ["Preference-Applied", `wait=${preferred}`] };
}
