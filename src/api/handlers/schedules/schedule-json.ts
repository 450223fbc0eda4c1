/** A schedule as answers show it: its definition, as it is stored but without secrets, and its state. */
import type { Status } from "../../../core/job.ts";
import { memberText, rewritten, type Visitor, valueText } from "../../../core/json-span.ts";
import { readableUrl } from "../../../core/readable-url.ts";
import { formatTime } from "../../../core/rfc3339.ts";
import { loadCron } from "../../../core/schedules/cron.ts";
import { readDefinition } from "../../../core/schedules/definition.ts";
import type { ScheduleState } from "../../../core/schedules/schedule.ts";
import type { ScheduleDetails } from "../../../core/schedules/schedules.ts";
import { oldestTicks, ticksOfSchedule } from "../../../core/schedules/timing.ts";
import type { Registry } from "../../../jobs/registry.ts";
import { MAX_NEXT_RUNS, MAX_RECENT } from "../../contract/schedule-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { type Answer, json } from "../../http/exchange.ts";
import { jobStatuses } from "./job-statuses.ts";
import { etagOf } from "./precondition.ts";

const HALF_HOUR_MS = 1_800_000;

type JsonDependencies = Pick<ApiDependencies, "queue" | "store" | "registry">;

/** What only callers get who ask for it. */
export interface ShownParts {
  readonly hasRecentTicks?: boolean;
}

/** The answer with one schedule, and its ETag. */
export async function scheduleAnswer(
  deps: JsonDependencies,
  status: 200 | 201,
  schedule: ScheduleDetails,
  headers: NonNullable<Answer["headers"]> = [],
  parts: ShownParts = {},
): Promise<Answer> {
  const [body = ""] = await scheduleJsons(deps, [schedule], parts);
  return { ...json(status, body), headers: [["ETag", etagOf(schedule.version)], ...headers] };
}

/** The JSON of each schedule, in their order. */
export async function scheduleJsons(
  deps: JsonDependencies,
  schedules: readonly ScheduleDetails[],
  { hasRecentTicks = false }: ShownParts = {},
): Promise<readonly string[]> {
  if (schedules.length === 0) return [];
  await loadCron();
  const statuses = await jobStatuses(
    deps,
    schedules.flatMap(({ lastRun }) => lastRun?.jobId ?? []),
  );
  const now = deps.queue.clock.now();
  return schedules.map((schedule) => {
    const recent = hasRecentTicks ? recentTicksOf(schedule, now) : undefined;
    return scheduleJson(deps.registry, schedule, statuses, now, recent);
  });
}

function scheduleJson(
  registry: Registry,
  schedule: ScheduleDetails,
  statuses: ReadonlyMap<string, Status>,
  now: number,
  recentTicks: readonly object[] | undefined,
): string {
  const { name, version, definition, lastRun, pause, fileDefinition } = schedule;
  // Redis may not have the latest change yet
  const state = schedule.state?.version === version && schedule.state.id === schedule.id ? schedule.state : null;
  const counts = state?.counts ?? schedule.counts;
  const nextRuns = nextRunsOf(schedule, { decided: state?.decided, counts, now });
  const head = {
    name,
    version,
    state: pause ? "paused" : nextRuns.length === 0 ? "ended" : "active",
  };
  const tail = {
    next_run_at: nextRuns[0] ?? null,
    next_runs: nextRuns,
    last_run: lastRun && {
      tick: formatTime(lastRun.tick),
      outcome: lastRun.outcome,
      job_id: lastRun.jobId,
      job_status: statuses.get(lastRun.jobId ?? "") ?? null,
    },
    paused_at: timeOrNull(pause?.at),
    paused_by: pause?.by ?? null,
    paused_reason: pause?.reason ?? null,
    paused_until: timeOrNull(pause?.until),
    counts,
    recent_ticks: recentTicks,
    overridden: fileDefinition !== null && fileDefinition !== definition,
    created_at: formatTime(schedule.createdAt),
    updated_at: formatTime(schedule.updatedAt),
  };
  const shown = shownDefinition(definition, registry);
  return `${JSON.stringify(head).slice(0, -1)},${shown.slice(1, -1)},${JSON.stringify(tail).slice(1)}`;
}

/** Without those of schedules that have not ticked since. */
function recentTicksOf({ recent }: ScheduleDetails, now: number): object[] {
  const oldest = (Math.floor(now / HALF_HOUR_MS) - MAX_RECENT + 1) * HALF_HOUR_MS;
  return recent
    .filter(({ from }) => from >= oldest)
    .slice(-MAX_RECENT)
    .map(({ from, counts }) => ({ from: formatTime(from), ...counts }));
}

function timeOrNull(epochMs: number | null | undefined): string | null {
  return epochMs === null || epochMs === undefined ? null : formatTime(epochMs);
}

interface Progress {
  /** Epoch ms: the ticks up to here are decided; undefined if only Redis knows. */
  readonly decided: number | undefined;
  readonly counts: ScheduleState["counts"];
  readonly now: number;
}

/** The next ticks; none while the schedule is paused without an end. */
function nextRunsOf(
  { pause, name, definition: text, effectiveFrom, lastRun }: ScheduleDetails,
  { decided, counts, now }: Progress,
): string[] {
  if (pause?.until === null) return [];
  const definition = readDefinition(text);
  const left = Math.min(MAX_NEXT_RUNS, (definition.maxRuns ?? Infinity) - counts.fired - counts.late);
  if (left <= 0) return [];
  const after = Math.max(decided ?? Math.max(effectiveFrom, lastRun?.tick ?? 0, now), pause?.until ?? 0);
  return oldestTicks(ticksOfSchedule(definition, name), after, Infinity, left).map((tick) => formatTime(tick));
}

/** The definition without the secrets of its job: what readers see, and may send back. */
export function shownDefinition(definition: string, registry: Registry): string {
  const type = JSON.parse(memberText(memberText(definition, "job") ?? "{}", "type") ?? '""') as string;
  const redactJob: Visitor = (name, text, start) => {
    if (name === "payload" && registry.get(type)?.hidesSecrets !== false)
      return registry.redactPayload(valueText(text, start), type);
    return name === "callback_url"
      ? JSON.stringify(readableUrl(JSON.parse(valueText(text, start)) as string))
      : undefined;
  };
  return rewritten(definition, (name) => (name === "job" ? redactJob : undefined));
}
