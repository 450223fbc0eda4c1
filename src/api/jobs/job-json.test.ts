import { describe, expect, it } from "vitest";
import type { JobView } from "../../core/job.ts";
import { loadRegistry } from "../../jobs/registry.ts";
import { jobSchema } from "../contract/job-schemas.ts";
import { JOB_FIELDS } from "./job-fields.ts";
import { jobJson, snapshotJson } from "./job-json.ts";

const NEW: JobView = {
  id: "01a20b8f-dc59-7000-a0b8-709b0c88f80f",
  type: "email",
  status: "queued",
  priority: 5,
  durability: "redis",
  group_key: null,
  payload: '{"to":"you@example.com"}',
  result: null,
  error: null,
  attempt: 0,
  max_attempts: 3,
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
  created_at: 1_764_472_707_161,
  started_at: null,
  finished_at: null,
  erased_at: null,
};

/** Another value for each field, and what the JSON shows for it. `result` and `progress` come with an attempt. */
const CHANGES: { readonly [Name in keyof JobView]: readonly [change: Partial<JobView>, shown: unknown] } = {
  id: [{ id: "01a20b8f-dc59-7000-a0b8-709b0c88f810" }, "01a20b8f-dc59-7000-a0b8-709b0c88f810"],
  type: [{ type: "webhook" }, "webhook"],
  status: [{ status: "running" }, "running"],
  priority: [{ priority: 9 }, 9],
  durability: [{ durability: "postgres" }, "postgres"],
  group_key: [{ group_key: 'a"b' }, 'a"b'],
  payload: [{ payload: '{"to":"me@example.com"}' }, { to: "me@example.com" }],
  result: [{ result: '{"id":1}', attempt: 1 }, { id: 1 }],
  error: [
    { error: { code: "timeout", message: "late", attempt: 1 } },
    { code: "timeout", message: "late", attempt: 1 },
  ],
  attempt: [{ attempt: 2 }, 2],
  max_attempts: [{ max_attempts: 7 }, 7],
  progress: [{ progress: 12.5, attempt: 1 }, 12.5],
  tags: [{ tags: ['a"b'] }, ['a"b']],
  retry_of: [{ retry_of: "01a20b8f-dc59-7000-a0b8-709b0c88f811" }, "01a20b8f-dc59-7000-a0b8-709b0c88f811"],
  schedule: [{ schedule: { name: 'a"b', tick: 0 } }, { name: 'a"b', tick: "1970-01-01T00:00:00.000Z" }],
  flow_id: [{ flow_id: "01a20b8f-dc59-7000-a0b8-709b0c88f812" }, "01a20b8f-dc59-7000-a0b8-709b0c88f812"],
  batch_id: [{ batch_id: "01a20b8f-dc59-7000-a0b8-709b0c88f813" }, "01a20b8f-dc59-7000-a0b8-709b0c88f813"],
  node: [{ node: "mail", flow_id: "01a20b8f-dc59-7000-a0b8-709b0c88f812" }, "mail"],
  worker: [{ worker: "r-1" }, "r-1"],
  run_at: [{ run_at: 0 }, "1970-01-01T00:00:00.000Z"],
  expires_at: [{ expires_at: 5 }, "1970-01-01T00:00:00.005Z"],
  created_at: [{ created_at: 1 }, "1970-01-01T00:00:00.001Z"],
  started_at: [{ started_at: 2 }, "1970-01-01T00:00:00.002Z"],
  finished_at: [{ finished_at: 3 }, "1970-01-01T00:00:00.003Z"],
  erased_at: [{ erased_at: 4, finished_at: 3 }, "1970-01-01T00:00:00.004Z"],
};

const toJson = jobJson(await loadRegistry({ settings: {} }));
const parsed = (json: string): Record<string, unknown> => JSON.parse(json) as Record<string, unknown>;
const namesOf = (...appears: readonly string[]): string[] =>
  Object.entries(JOB_FIELDS)
    .filter(([, field]) => appears.includes(field.appears))
    .map(([name]) => name);

describe("a job's JSON", () => {
  it("has the fields of the table, in its order", () => {
    expect(Object.keys(parsed(toJson(NEW)))).toEqual(namesOf("always"));
    expect(Object.keys(parsed(toJson({ ...NEW, payload: { size: 40_000 } })))).toEqual(namesOf("always", "omitted"));
    expect(Object.keys(parsed(snapshotJson({ view: NEW, isResultOmitted: true })))).toEqual(
      namesOf("always", "omitted", "event"),
    );
  });

  it("has the fields that the OpenAPI schema declares, and requires those that are always present", () => {
    expect(Object.keys(jobSchema.properties)).toEqual(namesOf("always", "omitted", "alone"));
    expect(jobSchema.required).toEqual(namesOf("always"));
  });

  it.each(Object.entries(CHANGES))("shows %s", (name, [change, shown]) => {
    toJson(NEW); // whose text is remembered
    expect(parsed(toJson({ ...NEW, ...change }))[name]).toEqual(shown);
    expect(parsed(toJson(NEW))).toEqual(newJob());
  });
});

function newJob(): unknown {
  return { ...NEW, payload: { to: "you@example.com" }, created_at: new Date(NEW.created_at).toISOString() };
}
