/** Entries in the audit for jobs that act on other jobs or submit them, however they were submitted. */
import { bulkTypeOf, isOperation } from "../../core/bulk.ts";
import type { Submission } from "../../core/job.ts";
import { dataOf, isLarge } from "../../core/payload.ts";
import { RESULTS_TYPE } from "../../core/flows/graph.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import { BACKFILL_TYPE } from "../../core/schedules/backfill.ts";
import type { AuditEntry } from "../../results/audit-log.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer } from "../http/exchange.ts";

type By = Pick<AuditEntry, "key" | "requestId">;

/** Records those of the jobs that act on other jobs, or submit them. @param ids of the submissions, in their order */
export function auditOperations(
  { audit }: Pick<ApiDependencies, "audit">,
  by: By,
  ids: readonly string[],
  submissions: readonly Submission[],
): void {
  submissions.forEach(({ type, payload }, i) => {
    if (!isOperation(type) || type === RESULTS_TYPE) return; // that changes nothing
    const json = isLarge(payload) ? new TextDecoder().decode(dataOf(payload)) : payload;
    if (type === BACKFILL_TYPE) {
      const { name, ...details } = JSON.parse(json) as { readonly name: string };
      audit.record({ ...by, action: "schedules.backfill", target: name, details, jobId: ids[i] });
      return;
    }
    const call = type === RERUN_TYPE ? type : type.slice(bulkTypeOf("cancel").indexOf("cancel"));
    const target = type === bulkTypeOf("erase") ? withoutSearchedValues(json) : json;
    audit.record({ ...by, action: `jobs.${call}`, target, jobId: ids[i] });
  });
}

/** As {@link auditOperations}, for the answer to a submission of one job; a repeated answer adds no entry. */
export function auditAnswer(
  deps: Pick<ApiDependencies, "audit">,
  by: By,
  { status, headers, body }: Answer,
  submission: Submission,
): void {
  if (!isOperation(submission.type) || status !== 202) return;
  if (headers?.some(([name]) => name === "Idempotent-Replayed")) return;
  const { id } = JSON.parse(body as string) as { readonly id: string };
  auditOperations(deps, by, [id], [submission]);
}

/** The filters of an erasure without the values that may be the very data that it erases. */
function withoutSearchedValues(payload: string): string {
  return JSON.stringify(JSON.parse(payload), (name, value: unknown) =>
    name === "q" || name.startsWith("payload.") ? "[erased]" : value,
  );
}
