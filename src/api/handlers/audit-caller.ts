/** The caller of a request, for its entry in the audit. */
import type { AuditEntry } from "../../results/audit-log.ts";
import type { ApiRequest } from "../http/exchange.ts";

/** Usage: `audit.record({ ...callerOf(request), action: "jobs.cancel", target: JSON.stringify(filter), jobId })`. */
export function callerOf({ caller, id }: Pick<ApiRequest, "caller" | "id">): Pick<AuditEntry, "key" | "requestId"> {
  return { key: caller && { id: caller.isUser ? null : caller.id, name: caller.name }, requestId: id };
}
