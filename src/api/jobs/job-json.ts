/** A job as JSON. Payload and result are JSON already and are inserted as they are: nothing is parsed to be shown. */
import type { JobView } from "../../core/job.ts";
import { lastText } from "../../core/last-text.ts";
import { isLarge } from "../../core/payload.ts";
import { redactWhole } from "../../core/redaction.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { Registry } from "../../jobs/registry.ts";
import type { FieldOf } from "./job-fields.ts";
import { fieldsWriter } from "./job-fields.ts";
import type { JobState } from "./job-looks.ts";

export type JobJson = (view: JobView) => string;

/**
 * @param registry names the types whose payloads may contain secrets; the payloads of an unknown type are redacted, too
 */
export function jobJson(registry: Registry): JobJson {
  return (view) => {
    const { payload } = view;
    if (isLarge(payload)) return write(view, PAYLOAD_OMITTED);
    const type = registry.get(view.type);
    return write(view, type?.hidesSecrets === false ? payload : (type?.redact ?? redactWhole)(payload));
  };
}

/** Answers leave a large payload out: the caller has it, and writing it would delay other answers. */
const PAYLOAD_OMITTED = `null,"payload_omitted":true`;

/** A job as its events show it: without its payload, and with a short result only, so that an event is bounded. */
export function snapshotJson({ view, isResultOmitted }: Pick<JobState, "view" | "isResultOmitted">): string {
  return write(view, `${PAYLOAD_OMITTED}${isResultOmitted ? ',"result_omitted":true' : ""}`);
}

// Each part that is joined costs 32 bytes until the answer is sent, so the answers to submissions, which are many,
// share the texts of their parts.
function write(view: JobView, payload: string): string {
  const shared = sharedText(view.type, view.status, view.priority, view.durability, view.group_key);
  const state = isNew(view) ? newText(view.max_attempts, view.created_at) : stateText(view);
  return `{"id":"${view.id}${shared}${payload}${state}`;
}

const sharedFields = fieldsWriter("shared");
const stateFields = fieldsWriter("state");

/** From the closing quote of the id up to the payload. */
const sharedText = lastText(
  (
    type: JobView["type"],
    status: JobView["status"],
    priority: JobView["priority"],
    durability: JobView["durability"],
    group_key: JobView["group_key"],
  ) => `"${sharedFields({ type, status, priority, durability, group_key })},"payload":`,
);

/** Whether all fields of its state but `max_attempts` and `created_at` are those of {@link NEW}. */
function isNew({
  attempt,
  error,
  tags,
  retry_of,
  schedule,
  flow_id,
  batch_id,
  worker,
  run_at,
  expires_at,
  started_at,
  finished_at,
}: JobView): boolean {
  return (
    attempt === 0 &&
    error === null &&
    tags.length === 0 &&
    retry_of === null &&
    schedule === null &&
    flow_id === null &&
    batch_id === null &&
    worker === null &&
    run_at === null &&
    expires_at === null &&
    started_at === null &&
    finished_at === null // without one, there is neither a result nor a progress
  );
}

const NEW: Omit<Pick<JobView, FieldOf<"state">>, "max_attempts" | "created_at"> = {
  result: null,
  error: null,
  attempt: 0,
  progress: null,
  tags: [],
  retry_of: null,
  schedule: null,
  flow_id: null,
  batch_id: null,
  node: null,
  worker: null,
  run_at: null,
  expires_at: null,
  started_at: null,
  finished_at: null,
  erased_at: null,
};

/** A new job has no other time, so only this one is replaced: writing all fields again would take 8 µs. */
const newText = lastText((max_attempts: number, created_at: number) =>
  textOfZero(max_attempts).replace(TIME_ZERO, formatTime(created_at)),
);

const TIME_ZERO = formatTime(0);
const textOfZero = lastText((max_attempts: number) => stateText({ ...NEW, max_attempts, created_at: 0 }));

/** Everything after the payload. */
function stateText(view: Pick<JobView, FieldOf<"state">>): string {
  return `${stateFields(view)}}`;
}
