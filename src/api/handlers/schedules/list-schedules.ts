/** `GET /api/v1/schedules`: the schedules by name, in pages. */
import { invalid } from "../../../core/body.ts";
import { isScheduleName } from "../../../core/schedules/name.ts";
import type { ScheduleDetails, ScheduleFilter } from "../../../core/schedules/schedules.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { readQuery } from "../list-parameters.ts";
import { scheduleJsons } from "./schedule-json.ts";

/** Schedules of one read: their ticks are computed in one turn of the event loop. */
const MAX_CHUNK = 100;
/** Ends a page: a definition may have 32 KiB and more. */
const MAX_PAGE_LENGTH = 4 * 1024 * 1024;
/** Reads of one page: with a filter by state, a read may find few schedules. */
const MAX_READS = 20;
const STATES = ["active", "paused", "ended"] as const;

type ListDependencies = Pick<ApiDependencies, "schedules" | "queue" | "store" | "registry">;

export function listSchedules(deps: ListDependencies): (request: ApiRequest) => Promise<Answer> {
  return async ({ query }) => {
    const { issues, params, limit } = readQuery(query, ["type", "state", "tag"]);
    const filter: { -readonly [Name in keyof ScheduleFilter]?: ScheduleFilter[Name] } = {};
    for (const name of ["type", "tag"] as const) {
      const text = params.get(name);
      if (text === null) continue;
      if (text === "" || text.length > 64 || text.includes("\0"))
        issues.push({ path: `/${name}`, message: "expected 1 to 64 characters" });
      filter[name] = text;
    }
    const state = params.get("state");
    const known = STATES.find((each) => each === state);
    if (known) filter.state = known;
    else if (state !== null) issues.push({ path: "/state", message: `expected ${STATES.join(", ")}` });
    const cursor = params.get("cursor");
    if (cursor !== null && !isScheduleName(cursor))
      issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
    if (issues.length > 0) return problemOfRejection(invalid(issues).rejection);
    const { jsons, next } = await readPage(deps, filter, { limit, after: cursor });
    return json(200, `{"schedules":[${jsons.join(",")}],"next_cursor":${JSON.stringify(next)}}`);
  };
}

async function readPage(
  deps: ListDependencies,
  filter: Omit<ScheduleFilter, "limit" | "after">,
  page: { readonly limit: number; readonly after: string | null },
): Promise<{ readonly jsons: readonly string[]; readonly next: string | null }> {
  const jsons: string[] = [];
  let length = 0;
  let after = page.after;
  for (let reads = 0; reads < MAX_READS && jsons.length < page.limit && length < MAX_PAGE_LENGTH; reads++) {
    const read = await deps.schedules.list({
      ...filter,
      limit: Math.min(MAX_CHUNK, page.limit - jsons.length),
      ...(after !== null && { after }),
    });
    const found: readonly ScheduleDetails[] = read.schedules;
    for (const text of await scheduleJsons(deps, found)) {
      jsons.push(text);
      length += text.length;
    }
    after = read.next;
    if (after === null) break;
  }
  return { jsons, next: after };
}
