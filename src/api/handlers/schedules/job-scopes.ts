/** Who may submit the job of a schedule. */
import { memberText } from "../../../core/json-span.ts";
import type { Registry } from "../../../jobs/registry.ts";
import { scopeDenial } from "../../access/authentication.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";

/** The denial of a caller who lacks a scope that the submission of the job needs. @param job a valid job as JSON */
export function denialOfJob(caller: ApiRequest["caller"], job: string, registry: Registry): Answer | undefined {
  const type = registry.get(JSON.parse(memberText(job, "type") ?? '""') as string);
  if (!type) return undefined;
  const { needsAdmin, needsRead } = type.definition;
  if (needsAdmin) return scopeDenial(caller, "admin");
  return needsRead?.(JSON.parse(memberText(job, "payload") ?? "{}") as never) === true
    ? scopeDenial(caller, "read")
    : undefined;
}
