/** The schema of a schedule's definition, as callers write it. */
import { Type } from "typebox";
import { submissionSchema } from "../submission.ts";
import { DAY_MS } from "../time.ts";
import { MAX_CRON_LENGTH } from "./cron.ts";
import { CATCH_UP_POLICIES, OVERLAPS } from "./schedule.ts";

/** A year, by any calendar. */
const YEAR_MS = 366 * DAY_MS;
/** So many instants may `times` have. */
const MAX_TIMES = 1_000;
export const DEFAULT_MAX_CAUGHT_UP = 100;

/** The fields of a submission that its tick decides. */
export const TICK_FIELDS = ["run_at", "delay_ms", "expires_at"] as const;

const catchUpSchema = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum([...CATCH_UP_POLICIES], {
        default: "last",
        description: "Which ticks are made up that were missed while no server ran",
      }),
    ),
    within_ms: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: YEAR_MS }), Type.Null()], {
        description: "Older ticks are not made up. Default for `last`: one period, at most 24 h",
      }),
    ),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: DEFAULT_MAX_CAUGHT_UP,
        description: "So many of the newest missed ticks are made up by `all`",
      }),
    ),
  },
  { additionalProperties: false },
);

const instant = Type.String({ maxLength: 64, description: "RFC 3339" });

/** The members of a definition except its job; exactly one of cron, every_ms and times is required. */
const members = {
  cron: Type.Optional(
    Type.String({
      maxLength: MAX_CRON_LENGTH,
      description:
        "5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first; names, `L`, `W`, `#`, " +
        "`@daily` etc., and `H` for a value that follows from the schedule's name",
    }),
  ),
  every_ms: Type.Optional(
    Type.Integer({ minimum: 1_000, maximum: YEAR_MS, description: "Multiples of it since 1970-01-01T00:00:00Z" }),
  ),
  offset_ms: Type.Optional(
    Type.Integer({ minimum: 0, maximum: YEAR_MS, default: 0, description: "Moves the ticks of every_ms" }),
  ),
  times: Type.Optional(Type.Array(instant, { minItems: 1, maxItems: MAX_TIMES })),
  time_zone: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, default: "UTC", description: "IANA name, such as `Europe/Berlin`" }),
  ),
  overlap: Type.Optional(
    Type.Enum([...OVERLAPS], {
      default: "skip",
      description: "What happens to a tick while the job of the tick before has not finished",
    }),
  ),
  catch_up: Type.Optional(catchUpSchema),
  jitter_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: DAY_MS,
      default: 0,
      description: "Each tick is delayed by up to so long, but never past the next tick",
    }),
  ),
  start_at: Type.Optional(Type.Union([instant, Type.Null()], { description: "No tick before" })),
  end_at: Type.Optional(Type.Union([instant, Type.Null()], { description: "No tick after" })),
  max_runs: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000_000 }), Type.Null()], {
      description: "The schedule ends after so many fired ticks",
    }),
  ),
  pause_after_failures: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 100 }), Type.Null()], {
      description: "The schedule pauses itself after so many failed jobs in a row",
    }),
  ),
  description: Type.Optional(Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()])),
};

/** The whole definition, for the contract. */
export const scheduleSchema = Type.Object(
  {
    ...members,
    job: Type.Omit(submissionSchema, [...TICK_FIELDS], {
      additionalProperties: false,
      description: "A submission; its strings may contain templates such as `${tick-1d:YYYY-MM-DD}`",
    }),
  },
  { additionalProperties: false },
);

/** The definition with any job: {@link parseSubmission} checks that, with its templates resolved. */
export const envelopeSchema = Type.Object({ ...members, job: Type.Object({}) }, { additionalProperties: false });
