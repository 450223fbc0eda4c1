/** A job as JSON text. Payload and result are texts already and go in as they are: nothing is parsed to be shown. */
import type { JobView } from "../../core/job.ts";
import { lastText } from "../../core/last-text.ts";
import { isLarge } from "../../core/payload.ts";
import { redactPayload } from "../../core/redaction.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { Registry } from "../../jobs/registry.ts";
import type { JobState } from "./job-looks.ts";

export type JobJson = (view: JobView) => string;

/** @param registry says which types' payloads may hold secrets; one that is not known any more is taken to */
export function jobJson(registry: Registry): JobJson {
  return (view) => {
    const { payload } = view;
    if (isLarge(payload)) return write(view, PAYLOAD_OMITTED);
    return write(view, registry.get(view.type)?.hidesSecrets === false ? payload : redactPayload(payload, view.type));
  };
}

/** A large payload is not repeated: its caller has it, and each answer would hold up the others. */
const PAYLOAD_OMITTED = `null,"payload_omitted":true`;

/** What events of one job show of it: all but its payload, and a result where it is short. Bounded, however large the job is. */
export function snapshotJson({ view, isResultOmitted }: Pick<JobState, "view" | "isResultOmitted">): string {
  return write(view, `${PAYLOAD_OMITTED}${isResultOmitted ? ',"result_omitted":true' : ""}`);
}

// The words of the scripts and of this program need no escaping; what a caller chose does. Each part that is joined costs 32 bytes
// until the text is sent: the answers to submissions, which are many, share theirs.
function write(view: JobView, payload: string): string {
  const kind = kindText(view.type, view.status, view.priority, view.durability, view.group_key);
  return `{"id":"${view.id}${kind}${payload}${isNew(view) ? newText(view.max_attempts, view.created_at) : stateText(view)}`;
}

const kindText = lastText(
  (type: string, status: string, priority: number, durability: string, groupKey: string | null) =>
    `","type":"${type}","status":"${status}","priority":${priority},"durability":"${durability}","group_key":${text(groupKey)},"payload":`,
);

/** Nothing is known of it yet but when it was made. */
function isNew({ attempt, error, tags, retry_of, worker, run_at, started_at, finished_at }: JobView): boolean {
  return (
    attempt === 0 &&
    error === null &&
    tags.length === 0 &&
    retry_of === null &&
    worker === null &&
    run_at === null &&
    started_at === null &&
    finished_at === null
  );
}

const newText = lastText((max_attempts: number, created_at: number) =>
  stateText({
    result: null,
    error: null,
    attempt: 0,
    max_attempts,
    progress: null,
    tags: [],
    retry_of: null,
    worker: null,
    run_at: null,
    created_at,
    started_at: null,
    finished_at: null,
  }),
);

type States = Pick<
  JobView,
  | "result"
  | "error"
  | "attempt"
  | "max_attempts"
  | "progress"
  | "tags"
  | "retry_of"
  | "worker"
  | "run_at"
  | "created_at"
  | "started_at"
  | "finished_at"
>;

function stateText(view: States): string {
  return (
    `,"result":${view.result ?? "null"},` +
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
