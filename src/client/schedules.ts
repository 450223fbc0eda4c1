/** Schedules, which submit a job at each of their ticks. */
import type { BulkAnswer, BulkOptions } from "./bulk.ts";
import type { CallOptions, PauseOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type { Schedule, ScheduleDefinition, ScheduleRun } from "./contract.ts";
import { pagesAt } from "./pages.ts";
import { schedulePath } from "./paths.ts";
import type { Call, JsonCodec, Transport } from "./transport.ts";
import { queryOf, wireOf } from "./wire.ts";

export interface IfMatchOptions extends CallOptions {
  /** Change the schedule only while it has this `version`. */
  readonly ifMatch?: number | undefined;
}

export interface PutScheduleOptions extends IfMatchOptions {
  /** `*`: only if there is no schedule of this name. */
  readonly ifNoneMatch?: "*" | undefined;
}

/** Members to change; null restores a default. Members of `job` and its `payload` are merged. */
export type SchedulePatch = {
  readonly [Name in Exclude<keyof ScheduleDefinition, "job" | "catchUp">]?: ScheduleDefinition[Name] | null;
} & {
  readonly catchUp?: Partial<NonNullable<ScheduleDefinition["catchUp"]>> | null | undefined;
  readonly job?: object | undefined;
};

export interface DeleteScheduleOptions extends IfMatchOptions {
  /** Also cancel the jobs of the schedule that wait. */
  readonly cancelJobs?: boolean | undefined;
}

export interface DeletedSchedule {
  name: string;
  cancelled_jobs: number;
}

export interface ScheduleListOptions extends CallOptions {
  /** Only schedules that submit jobs of this type. */
  readonly type?: string | undefined;
  readonly state?: Schedule["state"] | undefined;
  /** Only schedules whose job has this tag. */
  readonly tag?: string | undefined;
  /** How many schedules one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
  /** The `next_cursor` of a page: the list continues after it. */
  readonly cursor?: string | undefined;
}

export interface SchedulePage {
  schedules: Schedule[];
  /** Continues the list after this page; null after the last one. A page may be empty before that. */
  next_cursor: string | null;
}

export interface ScheduleRunPage {
  runs: ScheduleRun[];
  /** Continues the list after this page; null after the last one. */
  next_cursor: string | null;
}

export interface SchedulePauseOptions extends PauseOptions {
  /** The schedule then resumes by itself. */
  readonly until?: string | Date | undefined;
}

export interface ScheduleResumeOptions extends CallOptions {
  /** Which ticks of the pause are made up. Default: none. */
  readonly catchUp?: "none" | "last" | "all" | undefined;
}

export interface ScheduleRunsOptions extends CallOptions {
  /** How many runs one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
  /** The `next_cursor` of a page: the list continues after it. */
  readonly cursor?: string | undefined;
}

export interface BackfillOptions extends BulkOptions {
  /** The first tick is at this time or later. */
  readonly from: string | Date;
  /** The last tick is before this time. Default: now. */
  readonly to?: string | Date | undefined;
  /** A range with more ticks is rejected. Default: 1,000. */
  readonly max?: number | undefined;
}

/** With `dryRun`, the number of ticks; else the job that submits theirs. */
export type BackfillAnswer<Options> = BulkAnswer<Options>;

export interface PreviewOptions extends CallOptions {
  /** The name of the schedule, on which `H` in `cron` depends. */
  readonly name?: string | undefined;
}

export function putCall(
  name: string,
  definition: ScheduleDefinition,
  { ifMatch, ifNoneMatch, signal }: PutScheduleOptions,
  codec: Pick<JsonCodec, "stringify">,
): Call {
  return {
    method: "PUT",
    path: schedulePath(name),
    body: definitionJson(definition, codec),
    headers: { ...matchHeader(ifMatch), ...(ifNoneMatch !== undefined && { "If-None-Match": ifNoneMatch }) },
    signal,
    // with a condition, a repeat would fail where the first request has succeeded
    isRepeatable: ifMatch === undefined && ifNoneMatch === undefined,
  };
}

export function patchCall(
  name: string,
  patch: SchedulePatch,
  { ifMatch, signal }: IfMatchOptions,
  codec: Pick<JsonCodec, "stringify">,
): Call {
  const body = definitionJson(patch, codec);
  const headers = matchHeader(ifMatch);
  return { method: "PATCH", path: schedulePath(name), body, headers, signal, isRepeatable: ifMatch === undefined };
}

export function deleteCall(name: string, { cancelJobs, ifMatch, signal }: DeleteScheduleOptions): Call {
  const path = `${schedulePath(name)}${queryOf(wireOf({ cancelJobs }))}`;
  // a repeat might delete a schedule that was created meanwhile
  return { method: "DELETE", path, headers: matchHeader(ifMatch), signal, isRepeatable: false };
}

export function backfillCall(
  name: string,
  { from, to, dryRun = false, rate, max, idempotencyKey = randomKey(), signal }: BackfillOptions,
): Call {
  return {
    method: "POST",
    path: `${schedulePath(name)}/backfill`,
    body: JSON.stringify(wireOf({ from, to, dryRun, rate, max })),
    headers: dryRun ? {} : { "Idempotency-Key": idempotencyKey },
    signal,
    isRepeatable: true,
  };
}

export function previewCall(
  definition: Partial<ScheduleDefinition>,
  { name, signal }: PreviewOptions,
  codec: Pick<JsonCodec, "stringify">,
): Call {
  const path = `/api/v1/schedules/preview${queryOf({ name })}`;
  return { method: "POST", path, body: definitionJson(definition, codec), signal, isRepeatable: true };
}

export async function* schedulePagesOf(
  transport: Transport,
  { signal, pageSize, cursor, ...filters }: ScheduleListOptions,
): AsyncGenerator<SchedulePage, void> {
  yield* pagesAt<SchedulePage>(transport, "/api/v1/schedules", { ...filters, limit: pageSize, cursor }, signal);
}

export async function* runPagesOf(
  transport: Transport,
  name: string,
  { signal, pageSize, cursor }: ScheduleRunsOptions,
): AsyncGenerator<ScheduleRunPage, void> {
  yield* pagesAt<ScheduleRunPage>(transport, `${schedulePath(name)}/runs`, { limit: pageSize, cursor }, signal);
}

function matchHeader(version: number | undefined): Readonly<Record<string, string>> {
  return version === undefined ? {} : { "If-Match": `"v${version}"` };
}

/** The names of a payload stay as they are. */
function definitionJson(
  definition: { readonly job?: object | undefined },
  { stringify }: Pick<JsonCodec, "stringify">,
): string {
  const { job, ...timing } = definition;
  if (job === undefined) return stringify(wireOf(timing));
  const { payload, ...options } = job as { readonly payload?: unknown };
  return stringify({ ...wireOf(timing), job: { ...wireOf(options), payload } });
}
