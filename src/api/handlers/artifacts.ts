/**
 * `GET /api/v1/jobs/{id}/artifacts/{name}`: a file that a job produced, streamed; with ranges and entity tags (RFC
 * 9110, 13 and 14).
 */

import { isArtifactName } from "../../artifacts/key.ts";
import type { ByteRange, StoredArtifact } from "../../artifacts/store.ts";
import { at } from "../../core/at.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { matches } from "../http/entity-tag.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { jobNotFound, problem } from "../http/problem.ts";
import { idOf, readJob } from "./jobs.ts";

const LINK_INVALID = problem(403, "link_invalid", "The signature of the link does not match this artifact.");
const LINK_EXPIRED = problem(403, "link_expired", "The link has expired.");
const NOT_FOUND = problem(
  404,
  "artifact_not_found",
  "The job has no artifact with this name, or the artifact is past its retention.",
);

export function getArtifact(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const id = idOf(request);
    const name = at(request.params, 1);
    if (!isArtifactName(name)) return NOT_FOUND;
    const link = deps.links.judge({ jobId: id, name }, request.query, deps.queue.clock.now());
    if (link === "invalid") return LINK_INVALID;
    if (link === "expired") return LINK_EXPIRED;
    const view = await readJob(deps, id);
    if (!view) return jobNotFound(id);
    // Only artifacts that the result names, and of the attempt that returned it: one that lost its lease may have left
    // files, too.
    if (view.result === null || !namesArtifact(JSON.parse(view.result), name)) return NOT_FOUND;
    const artifact = await deps.artifacts.open({ jobId: id, attempt: view.attempt, name });
    return artifact ? answerOf(artifact, name, request) : NOT_FOUND;
  };
}

/** Whether the URL of a request is a valid signed link, which needs no API key. */
export function opensByLink({
  links,
  queue,
}: Pick<ApiDependencies, "links" | "queue">): (params: readonly string[], query: string) => boolean {
  return ([jobId = "", name = ""], query) => links.judge({ jobId, name }, query, queue.clock.now()) === "valid";
}

/** Whether a result contains `"artifact": name` at any depth. */
function namesArtifact(result: unknown, name: string): boolean {
  if (typeof result !== "object" || result === null) return false;
  return Object.entries(result).some(
    ([key, value]) => (key === "artifact" && value === name) || namesArtifact(value, name),
  );
}

function answerOf(
  artifact: StoredArtifact,
  name: string,
  { headers: { range, ifRange, ifNoneMatch }, isHead }: ApiRequest,
): Answer {
  const { bytes, etag, contentType, modifiedAt } = artifact;
  const headers: [string, string][] = [
    ["ETag", etag],
    ["Last-Modified", modifiedAt.toUTCString()],
    ["Accept-Ranges", "bytes"],
    ["Cache-Control", "private, no-cache"], // only the caller may cache it, and must revalidate it each time
  ];
  if (matches(ifNoneMatch, etag)) return { status: 304, headers, body: "" };
  // Browsers must not render a caller's file: a script in it would act as this site.
  headers.push(["Content-Disposition", `attachment; filename="${name}"`], ["Content-Security-Policy", "sandbox"]);
  const hasRange = !isHead && (ifRange === "" || ifRange === etag); // HEAD ignores ranges (RFC 9110, 14.2)
  const part = hasRange ? parseRange(range, bytes) : undefined;
  if (part === "unsatisfiable")
    return problem(416, "range_not_satisfiable", `The artifact has ${bytes} bytes.`, {
      headers: [["Content-Range", `bytes */${bytes}`]],
    });
  if (!part) return { status: 200, contentType, headers, body: { bytes, open: () => artifact.read() } };
  headers.push(["Content-Range", `bytes ${part.start}-${part.end}/${bytes}`]);
  return {
    status: 206,
    contentType,
    headers,
    body: { bytes: part.end - part.start + 1, open: () => artifact.read(part) },
  };
}

/**
 * Parses one range of bytes; undefined if the whole file is to be sent: without a range, with several, or with an
 * invalid one.
 */
export function parseRange(range: string, bytes: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)$/i.exec(range.trim());
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  return start > end ? "unsatisfiable" : { start, end };
}
