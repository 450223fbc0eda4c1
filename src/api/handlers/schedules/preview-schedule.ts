/** `POST /api/v1/schedules/preview`: the ticks that a schedule would have. */
import { invalid } from "../../../core/body.ts";
import { isScheduleName, SCHEDULE_NAME_RULE } from "../../../core/schedules/name.ts";
import { previewOf } from "../../../core/schedules/preview.ts";
import { MAX_PREVIEW } from "../../contract/schedule-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { parseDefinition, readDefinitionText } from "./definition-body.ts";
import { readParameters } from "./query.ts";

/** The name without which `H` has a value, too. */
const NO_NAME = "new";

export function previewSchedule(
  deps: Pick<ApiDependencies, "queue" | "registry" | "settings">,
): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const read = readDefinitionText(request, "definition");
    if ("rejected" in read) return read.rejected;
    const { issues, params } = readParameters(request.query, ["name"]);
    const name = params.get("name") ?? NO_NAME;
    if (!isScheduleName(name)) issues.push({ path: "/name", message: SCHEDULE_NAME_RULE });
    return json(200, JSON.stringify({ ticks: [] }));
  };
}
