/** A job as JSON text. Payload and result are texts already and go in as they are: nothing is parsed to be shown. */
import type { JobView } from "../core/job.ts";
import { redactPayload } from "../core/redaction.ts";
import { formatTime } from "../core/rfc3339.ts";
import type { Registry } from "../registry.ts";

export type JobJson = (view: JobView) => string;

/** @param registry says which types' payloads may hold secrets; one that is not known any more is taken to */
export function jobJson(registry: Registry): JobJson {
  return (view) => {
    const { payload } = view;
    return write(view, registry.get(view.type)?.hidesSecrets === false ? payload : redactPayload(payload));
  };
}

// The words of the scripts and of this program need no escaping; what a caller chose does.
function write(view: JobView, payload: string): string {
  return (
    `{"id":"${view.id}","type":"${view.type}","status":"${view.status}","priority":${view.priority},"durability":"${view.durability}",` +
    `"group_key":${text(view.group_key)},"payload":${payload},"result":${view.result ?? "null"},` +
    `"error":${view.error === null ? "null" : JSON.stringify(view.error)},"attempt":${view.attempt},"max_attempts":${view.max_attempts},` +
    `"progress":${view.progress ?? "null"},"tags":${view.tags.length === 0 ? "[]" : JSON.stringify(view.tags)},"retry_of":${text(view.retry_of)},` +
    `"worker":${text(view.worker)},"run_at":${time(view.run_at)},"created_at":${time(view.created_at)},` +
    `"started_at":${time(view.started_at)},"finished_at":${time(view.finished_at)}}`
  );
}

function text(value: string | null): string {
  return value === null ? "null" : JSON.stringify(value);
}

function time(epochMs: number | null): string {
  return epochMs === null ? "null" : `"${formatTime(epochMs)}"`;
}
