/**
 * How long a submission waits for its job to finish: `?wait=SECONDS`, or `Prefer: wait=SECONDS` (RFC 7240, section
 * 4.3).
 */
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import { MAX_WAIT_SECONDS } from "../contract/wait-limit.ts";
import type { ApiRequest } from "../http/exchange.ts";

/** If a preference is given twice, the first one counts (RFC 7240, section 2). */
const WAIT = /(?:^|,)\s*wait\s*=\s*(?:(\d{1,9})|"(\d{1,9})")\s*(?=$|[,;])/i;

export interface Wait {
  /** 0 if the request does not ask for it. */
  readonly ms: number;
  /** The header that confirms a preference. */
  readonly applied?: readonly [name: string, value: string];
  /** The issues of an invalid query. */
  readonly issues?: readonly ValidationIssue[];
}

const NO_WAIT: Wait = { ms: 0 };

/**
 * The query takes precedence over the preference, which is clamped to the maximum instead of rejected, because it is
 * only a wish.
 */
export function readWait({ query, headers }: Pick<ApiRequest, "query" | "headers">): Wait {
  if (query === "" && headers.prefer === "") return NO_WAIT;
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [...new Set(params.keys())]
    .filter((name) => name !== "wait")
    .map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a parameter of this call" }));
  const [asked, ...more] = params.getAll("wait");
  if (more.length > 0) issues.push({ path: "/wait", message: "must be given once" });
  if (asked !== undefined && !(/^\d{1,3}$/.test(asked) && Number(asked) <= MAX_WAIT_SECONDS))
    issues.push({ path: "/wait", message: `expected an integer from 0 to ${MAX_WAIT_SECONDS}` });
  if (issues.length > 0) return { ms: 0, issues };
  if (asked !== undefined) return { ms: Number(asked) * 1_000 };
  const [, plain, quoted] = WAIT.exec(headers.prefer) ?? [];
  const preferred = Math.min(Number(plain ?? quoted ?? 0), MAX_WAIT_SECONDS);
  return preferred === 0 ? NO_WAIT : { ms: preferred * 1_000, applied: ["Preference-Applied", `wait=${preferred}`] };
}
