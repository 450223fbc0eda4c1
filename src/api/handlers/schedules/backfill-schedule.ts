/** `POST /api/v1/schedules/{name}/backfill`: the jobs of past ticks. */
import type { Static } from "typebox";
import type { Rejection } from "../../../core/body.ts";
import { invalid, parseJson } from "../../../core/body.ts";
import { ownedBy } from "../../../core/ownership.ts";
import { NO_OPTIONS } from "../../../core/packed-job.ts";
import { formatTime } from "../../../core/rfc3339.ts";
import type { BackfillRange } from "../../../core/schedules/backfill.ts";
import { BACKFILL_TYPE, DEFAULT_BACKFILL, DEFAULT_BACKFILL_RATE, readRange } from "../../../core/schedules/backfill.ts";
import { loadCron } from "../../../core/schedules/cron.ts";
import { readDefinition } from "../../../core/schedules/definition.ts";
import { ticksOfSchedule } from "../../../core/schedules/timing.ts";
import type { ValidationIssue } from "../../../core/schema-issues.ts";
import { compileValidator } from "../../../core/validator.ts";
import { backfillSchema } from "../../contract/schedule-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { isJson } from "../../http/content-type.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { issuesOfNoQuery } from "../../http/no-query.ts";
import { problem, problemOfRejection } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { enqueueOne } from "../enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey } from "../idempotency.ts";
import { denialOfJob } from "./job-scopes.ts";
import { isReplayed } from "./run-schedule.ts";
import { findSchedule, nameOf, scheduleNotFound } from "./schedule-name.ts";

const body = compileValidator(backfillSchema);

interface Backfill extends BackfillRange {
  /** A copy of the body. */
  readonly bytes: Uint8Array;
  readonly isDryRun: boolean;
  readonly rate: number;
  readonly max: number;
}

export function backfillSchedule(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const name = nameOf(request);
    const by = callerOf(request);
    const { idempotencyKey: key } = request.headers;
    if (key !== undefined && !isIdempotencyKey(key)) return BAD_KEY;
    const read = readBackfill(request, deps.queue.clock.now());
    if ("rejected" in read) return read.rejected;
    const schedule = await findSchedule(deps, name);
    if (!schedule) return scheduleNotFound(name);
    const definition = readDefinition(schedule.definition);
    const denial = denialOfJob(request.caller, definition.job, deps.registry);
    if (denial) return denial;
    await loadCron();
    const { from, to, max, isDryRun } = read;
    const matched = ticksOfSchedule(definition, name).count(from - 1, to - 1);
    if (isDryRun) return json(200, JSON.stringify({ matched }));
    if (matched > max)
      return rejected([{ path: "/max", message: `expected at least ${matched}, the number of ticks in the range` }]);
    const answer = await start(deps, request, name, read);
    if (answer.status !== 202 || isReplayed(answer)) return answer;
    const { id: jobId } = JSON.parse(answer.body as string) as { readonly id: string };
    const details = { from: formatTime(from), to: formatTime(to), matched };
    deps.audit.record({ ...by, action: "schedules.backfill", target: name, details, jobId });
    return answer;
  };
}

/** Starts the job that submits the others. */
function start(
  deps: ApiDependencies,
  request: Pick<ApiRequest, "caller" | "chargeJobs" | "headers">,
  name: string,
  { bytes, from, to, rate, max }: Backfill,
): Promise<Answer> {
  const { registry, settings } = deps;
  const {
    caller,
    headers: { idempotencyKey: key },
  } = request;
  const submission = ownedBy(
    {
      type: BACKFILL_TYPE,
      payload: JSON.stringify({ name, from: formatTime(from), to: formatTime(to), rate, max }),
      priority: 5,
      maxAttempts: registry.get(BACKFILL_TYPE)?.definition.attempts ?? 1,
      groupKey: null,
      options: settings.durability === "postgres" ? { durability: "postgres" } : NO_OPTIONS,
    },
    caller?.id,
  );
  const fingerprint = Buffer.concat([Buffer.from(`${name}\n`), bytes]);
  const idempotency =
    key === undefined
      ? undefined
      : idempotencyOf(key, caller?.id, BACKFILL_TYPE, fingerprint, settings.idempotencyTtlMs);
  return enqueueOne(deps)(request, { submission, idempotency, otherUse: "with another body or schedule" });
}

/** Reads the body, which is valid before the first await only. @param now the default of `to` */
function readBackfill(
  request: Pick<ApiRequest, "body" | "headers" | "query">,
  now: number,
): Backfill | { readonly rejected: Answer } {
  if (request.body.length === 0) return { rejected: problem(400, "body_missing", "The request has no body.") };
  if (!isJson(request.headers.contentType))
    return { rejected: problem(415, "unsupported_media_type", "The Content-Type must be application/json.") };
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(request.body);
  if ("rejection" in read) return { rejected: problemOfRejection(read.rejection) };
  const issues: ValidationIssue[] = issuesOfNoQuery(request.query);
  if (!body.isValid(read.value)) issues.push(...body.issuesOf(read.value));
  const fields: Partial<Static<typeof backfillSchema>> = isObject(read.value) ? read.value : {};
  const { dry_run: isDryRun = false, rate = DEFAULT_BACKFILL_RATE, max = DEFAULT_BACKFILL } = fields;
  const valid = (name: "from" | "to"): string | undefined =>
    issues.some(({ path }) => path === `/${name}`) ? undefined : fields[name];
  const { from, to, issues: issuesOfRange } = readRange({ from: valid("from"), to: valid("to") }, now);
  issues.push(...issuesOfRange);
  if (to > now) issues.push({ path: "/to", message: "expected a time that is not in the future" });
  if (issues.length > 0) return { rejected: rejected(issues) };
  return { bytes: new Uint8Array(request.body), from, to, isDryRun, rate, max };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function rejected(issues: readonly ValidationIssue[]): Answer {
  return problemOfRejection(invalid(issues).rejection);
}
