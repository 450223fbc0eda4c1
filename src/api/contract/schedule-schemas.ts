/** The schemas of schedules: their definitions, as callers write them and read them, and their runs. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { backfillFields } from "../../core/schedules/backfill.ts";
import { scheduleSchema } from "../../core/schedules/definition-schema.ts";
import { CATCH_UP_POLICIES, RUN_KINDS, RUN_OUTCOMES, RUN_REASONS } from "../../core/schedules/schedule.ts";
import { componentRef, idSchema, nullable, statusSchema, timeSchema } from "./job-schemas.ts";

const count = Type.Integer({ minimum: 0 });

export const MAX_NEXT_RUNS = 5;
/** Half hours of a day, the current one included. */
export const MAX_RECENT = 48;
/** The ticks of a preview. */
export const MAX_PREVIEW = 20;

/** A patch: every member is optional, and null removes it, which restores its default. */
export const schedulePatchSchema = Type.Object(
  Object.fromEntries(
    Object.entries(scheduleSchema.properties).map(([name, schema]) => [name, Type.Optional(patched(name, schema))]),
  ),
  { additionalProperties: false },
);

function patched(name: string, schema: TSchema): TSchema {
  if (name === "job") return Type.Object({}, { description: "Members of the job: `payload` is merged, too" });
  if (name === "catch_up") return Type.Union([Type.Object({}, { description: "Members to change" }), Type.Null()]);
  return Type.Union([schema, Type.Null()]);
}

/** Whether a preview has a job is up to its caller. */
export const previewSchema = Type.Object(
  { ...scheduleSchema.properties, job: Type.Optional(scheduleSchema.properties.job) },
  { additionalProperties: false },
);

const lastRun = Type.Object({
  tick: timeSchema,
  outcome: Type.Enum([...RUN_OUTCOMES]),
  job_id: nullable(idSchema),
  job_status: nullable(statusSchema, "Null without a job, and for one past its retention"),
});

/** A schedule as answers show it: its definition with all defaults, and its state. */
export const scheduleAnswerSchema = Type.Object({
  name: Type.String(),
  version: Type.Integer({ minimum: 1, description: 'Rises with each new definition; the ETag of version 7 is `"v7"`' }),
  state: Type.Enum(["active", "paused", "ended"], { description: "`ended`: it has no more ticks" }),
  cron: Type.Optional(Type.String()),
  every_ms: Type.Optional(Type.Integer({ minimum: 1_000 })),
  offset_ms: Type.Optional(count),
  times: Type.Optional(Type.Array(timeSchema)),
  time_zone: Type.String(),
  overlap: Type.Enum(["skip", "allow", "queue_one", "cancel_previous"]),
  catch_up: Type.Object({
    policy: Type.Enum([...CATCH_UP_POLICIES]),
    within_ms: nullable(count, "Null: one period, at most 24 hours"),
    max: count,
  }),
  jitter_ms: count,
  start_at: nullable(timeSchema),
  end_at: nullable(timeSchema),
  max_runs: nullable(count),
  pause_after_failures: nullable(count),
  job: Type.Object({}, { description: "The submission; secrets of its payload are replaced by `[redacted]`" }),
  description: nullable(Type.String()),
  next_run_at: nullable(
    timeSchema,
    "The next tick; null while the schedule is paused without an end, and once it has ended",
  ),
  next_runs: Type.Array(timeSchema, { maxItems: MAX_NEXT_RUNS, description: `The next ${MAX_NEXT_RUNS} ticks` }),
  last_run: nullable(lastRun, "The latest tick whose outcome is known; null if there is none"),
  paused_at: nullable(timeSchema, "Null unless the schedule is paused"),
  paused_by: nullable(
    Type.String(),
    "The API key or user that paused it; `failures` if it paused itself because of `pause_after_failures`",
  ),
  paused_reason: nullable(Type.String()),
  paused_until: nullable(timeSchema, "When it resumes by itself; null: when somebody resumes it"),
  counts: Type.Object(Object.fromEntries(RUN_OUTCOMES.map((outcome) => [outcome, count])), {
    description: "Its ticks by outcome",
  }),
  recent_ticks: Type.Optional(
    Type.Array(
      Type.Object({ from: timeSchema, ...Object.fromEntries(RUN_OUTCOMES.map((outcome) => [outcome, count])) }),
      {
        maxItems: MAX_RECENT,
        description:
          "Its ticks of the last 24 hours by outcome, in half hours, oldest first; half hours without ticks are left out. Only with `recent_ticks=true`",
      },
    ),
  ),
  overridden: Type.Boolean({
    description: "Whether it has a file in SCHEDULES_DIR, and was changed over the API since then",
  }),
  created_at: timeSchema,
  updated_at: timeSchema,
});

export const scheduleListSchema = Type.Object({
  schedules: Type.Array(componentRef("Schedule")),
  next_cursor: nullable(Type.String(), "Null at the end of the list; a page before it may have fewer than `limit`"),
});

export const scheduleRunSchema = Type.Object({
  tick: timeSchema,
  outcome: Type.Enum([...RUN_OUTCOMES], {
    description:
      "`fired`: in time. `late`: made up later. `skipped`: the job of the tick before had not finished. `missed`: not made up",
  }),
  reason: nullable(
    Type.Enum([...RUN_REASONS]),
    "Why it was not fired in time; null for one that was. `overlap`: the job of a tick before had not finished. `catch_up_none`, `catch_up_last`: the policy makes up no missed tick, or only the last one. `too_old`: missed for longer than `within_ms`. `more_than_max`: more than `max` ticks were missed. `paused`: it was in a pause. `invalid_job`: its job is not valid (any more)",
  ),
  kind: Type.Enum([...RUN_KINDS], { description: "`manual`: by `POST …/run`" }),
  version: Type.Integer({ minimum: 1, description: "The version of the definition" }),
  job_id: nullable(idSchema),
  job_status: nullable(statusSchema, "Null without a job, and for one past its retention"),
  at: Type.String({ format: "date-time", description: "When it was decided; RFC 3339, in UTC" }),
  ticks: Type.Integer({
    minimum: 1,
    description: "More than 1 if the entry stands for a row of missed ticks, of which `tick` is the last",
  }),
});

export const scheduleRunsSchema = Type.Object({
  runs: Type.Array(scheduleRunSchema),
  next_cursor: nullable(Type.String(), "Null on the last page"),
});

export const previewAnswerSchema = Type.Object({
  ticks: Type.Array(
    Type.Object({
      at: timeSchema,
      local: Type.String({ description: "The time in the schedule's zone, with its offset" }),
      note: nullable(Type.String(), "In words, if a clock change moved the tick"),
    }),
    { maxItems: MAX_PREVIEW },
  ),
});

export const schedulePauseSchema = Type.Object(
  {
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: "Why, for people" })),
    until: Type.Optional(
      Type.String({ maxLength: 64, description: "RFC 3339, in the future: the schedule then resumes by itself" }),
    ),
  },
  { additionalProperties: false, description: "Optional" },
);

export const scheduleResumeSchema = Type.Object(
  {
    catch_up: Type.Optional(
      Type.Enum([...CATCH_UP_POLICIES], {
        default: "none",
        description:
          "Which ticks of the pause are made up: `none`, the `last` one, or `all`, with the bounds `within_ms` and `max` of the definition",
      }),
    ),
  },
  { additionalProperties: false, description: "Optional" },
);

export const backfillSchema = Type.Object(
  {
    ...backfillFields,
    dry_run: Type.Optional(Type.Boolean({ default: false, description: "Only count the ticks" })),
  },
  { additionalProperties: false },
);
