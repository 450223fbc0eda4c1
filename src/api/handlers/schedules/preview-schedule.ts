/** `POST /api/v1/schedules/preview`: the ticks that a schedule would have. */
import { invalid } from "../../../core/body.ts";
import { previewOf } from "../../../core/schedules/preview.ts";
import type { SubmissionType } from "../../../core/submission.ts";
import { MAX_PREVIEW } from "../../contract/schedule-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { readParameters } from "../list-parameters.ts";
import type { BodyObject } from "./definition-body.ts";
import { checkDefinition, readDefinitionText } from "./definition-body.ts";

/** Stands for the name of the schedule if the caller has none yet. */
const NO_NAME = "new";

/** The job of a definition without one. */
const NO_JOB = `{"type":"none","payload":{}}`;
const noType: SubmissionType = { definition: { attempts: 1 }, maxBodyBytes: 0, issuesOf: () => [] };

export function previewSchedule(
  deps: Pick<ApiDependencies, "queue" | "registry" | "settings">,
): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const read = readDefinitionText(request, "definition");
    if ("rejected" in read) return read.rejected;
    const { issues, params } = readParameters(request.query, ["name"]);
    const name = params.get("name") ?? NO_NAME;
    const parsed = Object.hasOwn(read.value, "job")
      ? await checkDefinition(deps, { name, json: read.json })
      : await checkDefinition(deps, { name, json: withJob(read) }, () => noType);
    if ("issues" in parsed) issues.push(...parsed.issues);
    if (issues.length > 0 || "issues" in parsed) return problemOfRejection(invalid(issues).rejection);
    const ticks = previewOf(parsed.definition, name, deps.queue.clock.now(), MAX_PREVIEW);
    return json(200, JSON.stringify({ ticks }));
  };
}

function withJob({ json, value }: BodyObject): string {
  const members = json.slice(json.indexOf("{") + 1);
  return `{"job":${NO_JOB}${Object.keys(value).length > 0 ? "," : ""}${members}`;
}
