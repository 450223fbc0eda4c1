/** `PUT` and `PATCH /api/v1/schedules/{name}`: a schedule gets a definition. */
import { isScheduleName } from "../../../core/schedules/name.ts";
import type { PutOptions, ScheduleDetails } from "../../../core/schedules/schedules.ts";
import type { AuditEntry } from "../../../results/audit-log.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { basePathOf } from "../../http/base-path.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { callerOf } from "../audit-caller.ts";
import { mayRepeat, parseDefinition, patched, readDefinitionText, replacing } from "./definition-body.ts";
import { changeSchedule } from "./precondition.ts";
import { scheduleAnswer } from "./schedule-json.ts";
import { nameOf, scheduleNotFound } from "./schedule-name.ts";

type PutDependencies = Pick<ApiDependencies, "schedules" | "queue" | "store" | "registry" | "settings" | "audit">;

/** A definition that the caller gives to a schedule. */
interface NewDefinition {
  readonly name: string;
  readonly json: string;
  readonly caller: ApiRequest["caller"];
  readonly by: Pick<AuditEntry, "key" | "requestId">;
  readonly action: "schedules.put" | "schedules.update";
  readonly options: Omit<PutOptions, "apiKey">;
}

export function putSchedule(deps: PutDependencies): (request: ApiRequest) => Promise<Answer> {
  const { registry } = deps;
  return async (request) => {
    const { caller, headers } = request;
    const name = nameOf(request);
    const by = callerOf(request);
    const read = readDefinitionText(request, "definition");
    if ("rejected" in read) return read.rejected;
    const put = (current: ScheduleDetails | undefined, options: NewDefinition["options"]) => {
      const json = current ? replacing(read.json, current.definition, registry) : read.json;
      return store(deps, { name, json, caller, by, action: "schedules.put", options });
    };
    const isConditional = headers.ifMatch !== "" || headers.ifNoneMatch !== "";
    // Postgres alone compares the definitions: only a condition, or a secret that stays, needs what is stored
    if (!isScheduleName(name) || !(isConditional || mayRepeat(read.json))) {
      const answer = await put(undefined, {});
      if (answer !== "conflict") return answer;
    }
    return changeSchedule(deps, name, headers, (current) =>
      put(current, current ? { ifMatch: current.version } : { ifNoneMatch: true }),
    );
  };
}

export function updateSchedule(deps: PutDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const { caller, headers } = request;
    const name = nameOf(request);
    const by = callerOf(request);
    const read = readDefinitionText(request, "patch");
    if ("rejected" in read) return read.rejected;
    return changeSchedule(deps, name, { ifMatch: headers.ifMatch, needsSchedule: true }, async (current) => {
      if (!current) return scheduleNotFound(name);
      const json = patched(read, current.definition, deps.registry);
      const options = { ifMatch: current.version };
      return store(deps, { name, json, caller, by, action: "schedules.update", options });
    });
  };
}

/** Checks the definition and stores it; `conflict` if the schedule is not the one of the options any more. */
async function store(
  deps: PutDependencies,
  { name, json, caller, by, action, options }: NewDefinition,
): Promise<Answer | "conflict"> {
  const parsed = await parseDefinition(deps, { name, json }, caller);
  if ("rejected" in parsed) return parsed.rejected;
  const put = await deps.schedules.put(name, parsed.text, { ...options, apiKey: caller?.id ?? null });
  if (put.kind === "conflict") return "conflict";
  const { kind, schedule } = put;
  if (kind !== "unchanged") deps.audit.record({ ...by, action, target: name, details: { version: schedule.version } });
  if (kind !== "created") return scheduleAnswer(deps, 200, schedule);
  const location = `${basePathOf(deps.settings.publicUrl)}/api/v1/schedules/${encodeURIComponent(name)}`;
  return scheduleAnswer(deps, 201, schedule, [["Location", location]]);
}
