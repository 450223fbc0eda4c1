/** `GET /api/v1/schedules/{name}`, and `POST …/pause`, `/resume` and `/revert`. */
import { invalid } from "../../../core/body.ts";
import { parseTime } from "../../../core/rfc3339.ts";
import { isScheduleName } from "../../../core/schedules/name.ts";
import type { ScheduleDetails } from "../../../core/schedules/schedules.ts";
import { compileValidator } from "../../../core/validator.ts";
import type { AuditChange } from "../../../results/audit-log.ts";
import { schedulePauseSchema, scheduleResumeSchema } from "../../contract/schedule-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { readOptionalFields, rejectionOfBody } from "../../http/empty-body.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem, problemOfRejection } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { readFlag, readParameters } from "../list-parameters.ts";
import { scheduleAnswer } from "./schedule-json.ts";
import { findSchedule, nameOf, scheduleNotFound } from "./schedule-name.ts";

type ActDependencies = Pick<ApiDependencies, "schedules" | "queue" | "store" | "registry" | "audit">;
type Call = (request: ApiRequest) => Promise<Answer>;

const pauseBody = compileValidator(schedulePauseSchema);
const resumeBody = compileValidator(scheduleResumeSchema);

export function getSchedule(deps: Omit<ActDependencies, "audit">): Call {
  return async (request) => {
    const name = nameOf(request);
    const query = readParameters(request.query, ["recent_ticks"]);
    const hasRecentTicks = readFlag(query, "recent_ticks");
    if (query.issues.length > 0) return problemOfRejection(invalid(query.issues).rejection);
    const schedule = await findSchedule(deps, name);
    return schedule ? scheduleAnswer(deps, 200, schedule, [], { hasRecentTicks }) : scheduleNotFound(name);
  };
}

export function pauseSchedule(deps: ActDependencies): Call {
  return async (request) => {
    const { caller } = request;
    const read = readOptionalFields(request, pauseBody);
    if ("rejected" in read) return read.rejected;
    const { reason, until } = read.fields;
    const now = deps.queue.clock.now();
    const end = until === undefined ? null : parseTime(until);
    if (end === undefined || (end !== null && end <= now))
      return rejected("/until", "expected a time in the future, as in 2026-01-31T12:00:00Z (RFC 3339)");
    const pause = { reason: reason ?? null, until: end, at: now, by: caller?.name ?? null };
    return act(deps, request, {
      action: "schedules.pause",
      details: reason === undefined && until === undefined ? undefined : { reason, until },
      make: (name) => deps.schedules.pause(name, pause),
    });
  };
}

export function resumeSchedule(deps: ActDependencies): Call {
  return async (request) => {
    const read = readOptionalFields(request, resumeBody);
    if ("rejected" in read) return read.rejected;
    const { catch_up } = read.fields;
    return act(deps, request, {
      action: "schedules.resume",
      details: catch_up === undefined ? undefined : { catch_up },
      make: (name) => deps.schedules.resume(name, catch_up ?? "none"),
    });
  };
}

export function revertSchedule(deps: ActDependencies): Call {
  return async (request) =>
    rejectionOfBody(request) ??
    act(deps, request, { action: "schedules.revert", make: (name) => deps.schedules.revert(name) });
}

function rejected(path: string, message: string): Answer {
  return problemOfRejection(invalid([{ path, message }]).rejection);
}

interface Act extends Pick<AuditChange, "action" | "details"> {
  readonly make: (name: string) => Promise<ScheduleDetails | "no_file" | undefined>;
}

async function act(deps: ActDependencies, request: ApiRequest, { action, details, make }: Act): Promise<Answer> {
  const by = callerOf(request);
  const name = nameOf(request);
  const schedule = isScheduleName(name) ? await make(name) : undefined;
  if (schedule === undefined) return scheduleNotFound(name);
  if (schedule === "no_file")
    return problem(409, "schedule_without_file", `The schedule ${name} has no file in SCHEDULES_DIR.`);
  deps.audit.record({ ...by, action, target: name, details });
  return scheduleAnswer(deps, 200, schedule);
}
