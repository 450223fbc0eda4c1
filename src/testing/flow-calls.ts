/** Calls of a server of the API without a worker (api-server.ts), for the tests of flows. */
import type { ApiServer } from "./api-server.ts";
import { request } from "./api-server.ts";
import { until } from "./until.ts";

type Answered = Awaited<ReturnType<typeof request>>;

/** The headers of a body with one job a line. */
export const NDJSON = { "content-type": "application/x-ndjson" };
/** The fields of a job that does not run during a test. */
export const LATER = { delay_ms: 3_600_000 };

/** A job of type `note`. */
export function note(text = "a", more: object = {}): object {
  return { type: "note", payload: { text }, ...more };
}

/** The paths of the issues that an answer lists. */
export function issuesOf({ body }: Answered): string[] {
  return (body["errors"] as { path: string }[]).map(({ path }) => path);
}

/** @param server called for each call, since it starts before the first test */
export function flowCalls(server: () => ApiServer) {
  const get = (path: string): Promise<Answered> => request(server(), "GET", `/api/v1/${path}`);
  return {
    get,
    post: (path: string, body?: string | object, headers: Readonly<Record<string, string>> = {}): Promise<Answered> =>
      request(server(), "POST", `/api/v1/${path}`, body, headers),
    remove: (path: string): Promise<Answered> => request(server(), "DELETE", `/api/v1/${path}`),
    /** The flow or batch at this path, once it has ended. */
    endOf: (path: string): Promise<Record<string, unknown>> =>
      until(
        async () => {
          const { body } = await get(path);
          return body["status"] === "running" ? undefined : body;
        },
        { what: `${path} ends` },
      ),
  };
}
