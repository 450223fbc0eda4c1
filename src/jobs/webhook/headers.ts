/** The headers of a caller's request. */
import type { PayloadIssue } from "../../core/job-type.ts";

/** Headers that belong to the connection or the message's framing (RFC 9110, 7.6.1): only the HTTP client sets them. */
const FORBIDDEN_HEADERS = new Set(
  "connection content-length expect host keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);

/** All issues of a caller's headers. */
export function headerIssues(headers: Readonly<Record<string, string>>): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const path = `/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) issues.push({ path, message: "is not a header name" });
    else if (FORBIDDEN_HEADERS.has(lower) || lower.startsWith("webhook-"))
      issues.push({ path, message: "is set by TaskFlow" });
    else if (seen.has(lower)) issues.push({ path, message: "is given twice" });
    if (!isHeaderValue(value)) issues.push({ path, message: "has characters that headers must not contain" });
    seen.add(lower);
  }
  return issues;
}

/** RFC 9110, 5.5; above all it excludes CR and LF, which would begin another header. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}
