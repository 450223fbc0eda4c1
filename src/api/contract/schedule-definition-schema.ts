/** The definition of a schedule, as callers write it. */
import { Type } from "typebox";
import { CATCH_UP_POLICIES, OVERLAPS } from "../../core/schedules/schedule.ts";
import { submissionSchema } from "../../core/submission.ts";

const { run_at, delay_ms, expires_at, ...jobFields } = submissionSchema.properties;
const time = Type.String({ maxLength: 64 });
const optional = <Schema extends Parameters<typeof Type.Optional>[0]>(schema: Schema) => Type.Optional(schema);

export const scheduleSchema = Type.Object(
  {
    cron: optional(Type.String({ minLength: 1, maxLength: 256 })),
    every_ms: optional(Type.Integer({ minimum: 1_000 })),
    offset_ms: optional(Type.Integer({ minimum: 0 })),
    times: optional(Type.Array(time, { minItems: 1, maxItems: 1_000 })),
    time_zone: optional(Type.String({ maxLength: 64, default: "UTC" })),
    overlap: optional(Type.Enum([...OVERLAPS], { default: "skip" })),
    catch_up: optional(
      Type.Object(
        {
          policy: optional(Type.Enum([...CATCH_UP_POLICIES], { default: "last" })),
          within_ms: optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])),
          max: optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        },
        { additionalProperties: false },
      ),
    ),
    jitter_ms: optional(Type.Integer({ minimum: 0, default: 0 })),
    start_at: optional(Type.Union([time, Type.Null()])),
    end_at: optional(Type.Union([time, Type.Null()])),
    max_runs: optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
    pause_after_failures: optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
    job: Type.Object(jobFields, { additionalProperties: false }),
    description: optional(Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()])),
  },
  { additionalProperties: false },
);
