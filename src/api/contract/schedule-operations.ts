/** The calls about schedules, which submit a job at each of their ticks. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { idempotencyKey, JOB_OR_RECEIPT, JSON_JOB, KEYED_BODY_PROBLEMS } from "./job-operations.ts";
import { componentRef } from "./job-schemas.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation, OperationAnswer } from "./operation.ts";
import {
  backfillSchema,
  previewAnswerSchema,
  previewSchema,
  schedulePatchSchema,
  schedulePauseSchema,
  scheduleResumeSchema,
  scheduleRunsSchema,
} from "./schedule-schemas.ts";

const PATTERN = "/api/v1/schedules/{schedule}";
const STORE_PROBLEMS = ["queue_unavailable", "outcome_unknown", "store_unavailable"];
const ONE_SCHEDULE_PROBLEMS = ["schedule_not_found", ...STORE_PROBLEMS];
const recentTicks = Type.Optional(
  Type.Boolean({ default: false, description: "Whether the answer has `recent_ticks`" }),
);
const BODY_PROBLEMS = ["body_missing", ...NO_FIELDS_PROBLEMS];
const DEFINITION_PROBLEMS = [...BODY_PROBLEMS, "scope_missing", "precondition_failed", "schedule_busy"];
const SCHEDULE = { "application/json": { schema: componentRef("Schedule") } };
const JOB_SCOPES =
  "The API key needs the scopes that submitting the job needs, too, and becomes the owner of the schedule's jobs.";
const REDACTED =
  'A value that reads back as `"[redacted]"`, and is sent back so in its place, stays as it is; anywhere else it is rejected.';

const ifMatch = Type.Optional(
  Type.String({
    description: 'Change the schedule only if its ETag is one of these, such as `"v7"`; `*`: if it exists',
  }),
);
const ifNoneMatch = Type.Optional(
  Type.String({ description: "`*`: only if there is no schedule of this name; or ETags that it must not have" }),
);

function json(schema: TSchema): NonNullable<Operation["body"]> {
  return { "application/json": { schema } };
}

function withExamples(body: NonNullable<Operation["body"]>, examples: Readonly<Record<string, object>>): typeof body {
  const named = Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
  return Object.fromEntries(Object.entries(body).map(([type, media]) => [type, { ...media, examples: named }]));
}

const DEFINITIONS = {
  cron: {
    cron: "0 3 * * 1-5",
    time_zone: "Europe/Berlin",
    job: {
      type: "webhook",
      payload: { url: "https://example.com/report", body: { day: "${tick-1d:YYYY-MM-DD}" } },
    },
  },
  interval: {
    every_ms: 900_000,
    overlap: "allow",
    catch_up: { policy: "none" },
    job: { type: "webhook", payload: { url: "https://example.com/poll" } },
  },
};

function changed(description: string): OperationAnswer {
  return { description, content: SCHEDULE, headers: ["ETag"] };
}

export const putSchedule: Operation = {
  method: "PUT",
  pattern: PATTERN,
  access: "admin",
  id: "putSchedule",
  tag: "Schedules",
  summary: "Create or replace a schedule",
  description: `Putting the same definition again changes nothing: the version and the next tick stay. A new payload applies from the next tick; new timing is computed from now. A paused schedule stays paused. ${JOB_SCOPES} ${REDACTED}`,
  headers: Type.Object({ "If-Match": ifMatch, "If-None-Match": ifNoneMatch }),
  body: withExamples(json(componentRef("ScheduleDefinition")), DEFINITIONS),
  answers: {
    200: changed("The schedule existed; it now has this definition"),
    201: { ...changed("The new schedule"), headers: ["ETag", "Location"] },
  },
  problems: [...DEFINITION_PROBLEMS, ...STORE_PROBLEMS],
};

export const listSchedules: Operation = {
  method: "GET",
  pattern: "/api/v1/schedules",
  access: "read",
  id: "listSchedules",
  tag: "Schedules",
  summary: "List the schedules by name",
  query: Type.Object({
    type: Type.Optional(Type.String({ description: "Only schedules that submit jobs of this type" })),
    state: Type.Optional(Type.Enum(["active", "paused", "ended"])),
    tag: Type.Optional(Type.String({ description: "Only schedules whose job has this tag" })),
    late: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Only schedules that are not paused, and whose next tick, with its jitter, is more than a minute overdue",
      }),
    ),
    recent_ticks: recentTicks,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ description: "The `next_cursor` of the page before" })),
  }),
  answers: { 200: { description: "One page", content: json(componentRef("ScheduleList")) } },
  problems: ["validation_failed", ...STORE_PROBLEMS],
};

export const getSchedule: Operation = {
  method: "GET",
  pattern: PATTERN,
  access: "read",
  id: "getSchedule",
  tag: "Schedules",
  summary: "Read a schedule",
  query: Type.Object({ recent_ticks: recentTicks }),
  answers: { 200: changed("The schedule") },
  problems: ["validation_failed", ...ONE_SCHEDULE_PROBLEMS],
};

export const updateSchedule: Operation = {
  method: "PATCH",
  pattern: PATTERN,
  access: "admin",
  id: "updateSchedule",
  tag: "Schedules",
  summary: "Change parts of a schedule",
  description: `A JSON Merge Patch (RFC 7396) of the definition: members that it does not name stay; \`null\` removes one, which restores its default. The result is checked like a new definition. ${JOB_SCOPES} ${REDACTED}`,
  headers: Type.Object({ "If-Match": ifMatch }),
  body: withExamples(
    {
      "application/merge-patch+json": { schema: schedulePatchSchema },
      "application/json": { schema: schedulePatchSchema },
    },
    { timing: { cron: "30 3 * * 1-5", every_ms: null }, payload: { job: { payload: { timeout_ms: 5_000 } } } },
  ),
  answers: { 200: changed("The schedule after the change") },
  problems: [...DEFINITION_PROBLEMS, ...ONE_SCHEDULE_PROBLEMS],
};

export const deleteSchedule: Operation = {
  method: "DELETE",
  pattern: PATTERN,
  access: "admin",
  id: "deleteSchedule",
  tag: "Schedules",
  summary: "Delete a schedule",
  description:
    "Its jobs stay, and so does the history of its runs within their retention. A schedule that is created later under the same name starts fresh.",
  query: Type.Object({
    cancel_jobs: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Also cancel the jobs of the schedule that wait; running ones continue",
      }),
    ),
  }),
  headers: Type.Object({ "If-Match": ifMatch }),
  answers: {
    200: {
      description: "The schedule no longer exists",
      content: json(
        Type.Object({
          name: Type.String(),
          cancelled_jobs: Type.Integer({ minimum: 0, description: "Waiting jobs that were cancelled" }),
        }),
      ),
    },
  },
  problems: ["validation_failed", "precondition_failed", "schedule_busy", ...ONE_SCHEDULE_PROBLEMS],
};

export const pauseSchedule: Operation = {
  method: "POST",
  pattern: `${PATTERN}/pause`,
  access: "admin",
  id: "pauseSchedule",
  tag: "Schedules",
  summary: "Pause a schedule",
  description:
    "Its jobs that exist already run. Pausing a paused schedule replaces the reason and the end of its pause.",
  body: withExamples(json(schedulePauseSchema), { reason: { reason: "The reporting database is down" } }),
  isBodyOptional: true,
  answers: { 200: changed("The schedule after the change") },
  problems: [...ONE_SCHEDULE_PROBLEMS, ...NO_FIELDS_PROBLEMS],
};

export const resumeSchedule: Operation = {
  method: "POST",
  pattern: `${PATTERN}/resume`,
  access: "admin",
  id: "resumeSchedule",
  tag: "Schedules",
  summary: "Resume a schedule",
  description:
    "Ticks of the pause appear in the runs as `missed` unless `catch_up` makes them up. Resuming a schedule that is not paused changes nothing.",
  body: withExamples(json(scheduleResumeSchema), { last: { catch_up: "last" } }),
  isBodyOptional: true,
  answers: { 200: changed("The schedule after the change") },
  problems: [...ONE_SCHEDULE_PROBLEMS, ...NO_FIELDS_PROBLEMS],
};

export const runSchedule: Operation = {
  method: "POST",
  pattern: `${PATTERN}/run`,
  access: "submit",
  id: "runSchedule",
  tag: "Schedules",
  summary: "Submit the job of a schedule now",
  description:
    "Also while the schedule is paused or has ended. The next tick does not move, and `overlap` does not apply. Templates get the time of the call as their tick. The API key needs the scopes that submitting the job needs; without `read`, the response is a `JobReceipt`.",
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 202: { description: "The job", content: JOB_OR_RECEIPT, headers: ["Location", "Idempotent-Replayed"] } },
  problems: [
    ...ONE_SCHEDULE_PROBLEMS,
    ...NO_FIELDS_PROBLEMS,
    ...["schedule_not_runnable", "idempotency_key_invalid", "idempotency_key_reused", "draining"],
  ],
};

export const backfillSchedule: Operation = {
  method: "POST",
  pattern: `${PATTERN}/backfill`,
  access: "admin",
  id: "backfillSchedule",
  tag: "Schedules",
  summary: "Submit the jobs of past ticks",
  description:
    "Starts a job of type `schedule_backfill`, which submits one job for each tick of the range, the oldest first, exactly once: after a crash or a restart it resumes where it stopped. The jobs have the definition at the start of that job, and templates get the past tick. Ticks that had a job get another one.",
  headers: Type.Object({ "Idempotency-Key": idempotencyKey }),
  body: withExamples(json(backfillSchema), {
    count: { from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", dry_run: true },
    week: { from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", rate: 10 },
  }),
  answers: {
    200: {
      description: "With dry_run: the number of ticks in the range",
      content: json(Type.Object({ matched: Type.Integer({ minimum: 0 }) })),
    },
    202: {
      description: "A job of type `schedule_backfill`, whose progress and result report on the operation",
      content: JSON_JOB,
      headers: ["Location", "Idempotent-Replayed"],
    },
  },
  problems: [...new Set([...ONE_SCHEDULE_PROBLEMS, ...KEYED_BODY_PROBLEMS])],
};

export const listScheduleRuns: Operation = {
  method: "GET",
  pattern: `${PATTERN}/runs`,
  access: "read",
  id: "listScheduleRuns",
  tag: "Schedules",
  summary: "List the outcomes of the ticks of a schedule, newest first",
  description: "Runs are kept for `RETENTION_DAYS`.",
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50 })),
    cursor: Type.Optional(Type.String({ description: "The `next_cursor` of the page before" })),
  }),
  answers: { 200: { description: "One page", content: json(scheduleRunsSchema) } },
  problems: ["validation_failed", ...ONE_SCHEDULE_PROBLEMS],
};

export const previewSchedule: Operation = {
  method: "POST",
  pattern: "/api/v1/schedules/preview",
  access: "read",
  id: "previewSchedule",
  tag: "Schedules",
  summary: "Compute the ticks of a definition, without creating a schedule",
  description:
    "The next 20 ticks after now, or after `start_at` if that is later. `job` is optional, and checked if it is present.",
  query: Type.Object({
    name: Type.Optional(Type.String({ description: "The name of the schedule, on which `H` in `cron` depends" })),
  }),
  body: withExamples(json(previewSchema), {
    clock_change: { cron: "30 2 * * *", time_zone: "Europe/Berlin" },
    ...DEFINITIONS,
  }),
  answers: { 200: { description: "The ticks", content: json(previewAnswerSchema) } },
  problems: [...BODY_PROBLEMS, "queue_unavailable"],
};

export const revertSchedule: Operation = {
  method: "POST",
  pattern: `${PATTERN}/revert`,
  access: "admin",
  id: "revertSchedule",
  tag: "Schedules",
  summary: "Give a schedule the definition of its file again",
  description:
    "For a schedule that has a file in SCHEDULES_DIR and was changed over the API. Otherwise it changes nothing.",
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 200: changed("The schedule after the change") },
  problems: [...ONE_SCHEDULE_PROBLEMS, ...NO_FIELDS_PROBLEMS, "schedule_without_file"],
};
