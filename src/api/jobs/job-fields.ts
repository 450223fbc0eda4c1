/**
 * The fields of a job in the API's answers, in their order: the one list that its JSON is made from (job-json.ts). The
 * type requires an entry for each field of JobView, and job-json.test.ts compares the names with the OpenAPI schema,
 * from which the client's `Job` is generated.
 */
import type { JobView } from "../../core/job.ts";
import { formatTime } from "../../core/rfc3339.ts";

/** A job as an answer shows it: payload and result are left out where they are too large. */
export interface JobAnswer extends JobView {
  readonly payload_omitted?: true;
  readonly result_omitted?: true;
  readonly callback_job?: string;
  readonly callback_of?: string;
}

/**
 * How the field is written. `shared`: consecutive jobs often agree in all of these, so their text is made once.
 * `payload`: by job-json.ts, which decides how much of the payload is shown. `callback`: by callback-fields.ts. `state`:
 * all others.
 */
type Part = "id" | "shared" | "payload" | "state" | "callback";

interface JobField {
  readonly part: Part;
  /**
   * `omitted`: present only where the payload is left out. `event`: present only in an event without its result.
   * `alone`: present only in `GET /api/v1/jobs/{id}`, if there is such a job.
   */
  readonly appears: "always" | "omitted" | "event" | "alone";
}

interface WrittenField extends JobField {
  readonly part: "id" | "shared" | "state";
  /** Its value as JSON. */
  readonly json: (view: JobView) => string;
}

function shared(json: WrittenField["json"]) {
  return { part: "shared", appears: "always", json } as const;
}

function state(json: WrittenField["json"]) {
  return { part: "state", appears: "always", json } as const;
}

// Ids and the constants of this program need no escaping; strings that a caller chose do.
export const JOB_FIELDS = {
  id: { part: "id", appears: "always", json: ({ id }) => `"${id}"` },
  type: shared(({ type }) => `"${type}"`),
  status: shared(({ status }) => `"${status}"`),
  priority: shared(({ priority }) => String(priority)),
  durability: shared(({ durability }) => `"${durability}"`),
  group_key: shared(({ group_key }) => stringJson(group_key)),
  payload: { part: "payload", appears: "always" },
  payload_omitted: { part: "payload", appears: "omitted" },
  result_omitted: { part: "payload", appears: "event" },
  result: state(({ result }) => result ?? "null"),
  error: state(({ error }) => (error === null ? "null" : JSON.stringify(error))),
  attempt: state(({ attempt }) => String(attempt)),
  max_attempts: state(({ max_attempts }) => String(max_attempts)),
  progress: state(({ progress }) => (progress === null ? "null" : String(progress))),
  tags: state(({ tags }) => (tags.length === 0 ? "[]" : JSON.stringify(tags))),
  retry_of: state(({ retry_of }) => stringJson(retry_of)),
  schedule: state(({ schedule }) => scheduleJson(schedule)),
  flow_id: state(({ flow_id }) => stringJson(flow_id)),
  batch_id: state(({ batch_id }) => stringJson(batch_id)),
  node: state(({ node }) => stringJson(node)),
  worker: state(({ worker }) => stringJson(worker)),
  run_at: state(({ run_at }) => timeJson(run_at)),
  expires_at: state(({ expires_at }) => timeJson(expires_at)),
  created_at: state(({ created_at }) => timeJson(created_at)),
  started_at: state(({ started_at }) => timeJson(started_at)),
  finished_at: state(({ finished_at }) => timeJson(finished_at)),
  erased_at: state(({ erased_at }) => timeJson(erased_at)),
  callback_job: { part: "callback", appears: "alone" },
  callback_of: { part: "callback", appears: "alone" },
} as const satisfies { readonly [Name in keyof JobAnswer]-?: JobField | WrittenField };

type JobFields = typeof JOB_FIELDS;
export type FieldOf<Of extends Part> = {
  [Name in keyof JobFields]: JobFields[Name]["part"] extends Of ? Name : never;
}[keyof JobFields];

/** Writes the fields of one part, each with a comma before it. */
export function fieldsWriter<Of extends "shared" | "state">(
  part: Of,
): (view: Pick<JobView, FieldOf<Of> & keyof JobView>) => string {
  const fields = Object.entries(JOB_FIELDS).flatMap(([name, field]) =>
    field.part === part ? [{ start: `,"${name}":`, json: field.json }] : [],
  );
  return (view) => {
    let text = "";
    for (const { start, json } of fields) text += start + json(view as JobView); // it reads its own field alone
    return text;
  };
}

/** Writes a job without its payload and its result, and without any field about them. */
export function summaryJson(view: JobView): string {
  let text = `{"id":"${view.id}"`;
  for (const { start, json } of SUMMARY_FIELDS) text += start + json(view);
  return `${text}}`;
}

const SUMMARY_FIELDS = Object.entries(JOB_FIELDS).flatMap(([name, field]) =>
  "json" in field && name !== "id" && name !== "result" ? [{ start: `,"${name}":`, json: field.json }] : [],
);

function stringJson(value: string | null): string {
  return value === null ? "null" : JSON.stringify(value);
}

function scheduleJson(schedule: JobView["schedule"]): string {
  return schedule === null ? "null" : `{"name":${JSON.stringify(schedule.name)},"tick":${timeJson(schedule.tick)}}`;
}

function timeJson(epochMs: number | null): string {
  return epochMs === null ? "null" : `"${formatTime(epochMs)}"`;
}
