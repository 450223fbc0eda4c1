/** Which call is answered by what. Patterns hold `{name}` for the parts that a path leaves open. */
import { getArtifact } from "./artifacts.ts";
import { fromAsync } from "./async-handler.ts";
import { getQueues, getStats, getWorkers } from "./books.ts";
import { listMail, readMail } from "./dev-mail.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Answer, ApiRequest, Handler } from "./exchange.ts";
import { getHealth, isLive, isReady } from "./health.ts";
import { listJobs } from "./job-list.ts";
import { cancelJob, getJob } from "./jobs.ts";
import { submitBatch, submitJob } from "./submit.ts";

export interface Route {
  /** HEAD is answered as GET. */
  readonly method: "GET" | "POST" | "DELETE";
  readonly pattern: string;
  readonly handle: Handler;
  /** Bodies up to so many bytes are read; 0 where a body is not looked at. */
  readonly maxBodyBytes: number;
  /** Answered to everyone, in protected mode and without a key. */
  readonly isOpen: boolean;
  /** Refused while this replica drains. */
  readonly takesJobs: boolean;
}

/** @param isDraining whether the server has stopped to take jobs */
export function routesOf(deps: ApiDependencies, isDraining: () => boolean): Route[] {
  const read = (method: "GET" | "DELETE", pattern: string, answerOf: (request: ApiRequest) => Promise<Answer>): Route => ({
    ...{ method, pattern, handle: fromAsync(deps.log, answerOf) },
    ...{ maxBodyBytes: 0, isOpen: false, takesJobs: false },
  });
  const open = (pattern: string, handle: Handler): Route => ({ method: "GET", pattern, handle, maxBodyBytes: 0, isOpen: true, takesJobs: false });
  const submit = (pattern: string, handle: Handler, maxBodyBytes: number): Route => ({ method: "POST", pattern, handle, maxBodyBytes, isOpen: false, takesJobs: true });

  const { registry, settings, metrics } = deps;
  const scrape = async (): Promise<Answer> => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() });
  const ofEveryRole = [
    open("/api/v1/health", fromAsync(deps.log, getHealth(deps))),
    open("/api/v1/health/live", isLive),
    open("/api/v1/health/ready", fromAsync(deps.log, isReady(deps, isDraining))),
    open("/metrics", fromAsync(deps.log, scrape)),
  ];
  if (settings.role === "worker") return ofEveryRole;
  // Which type it is, and so how large it may be, is known when the body has been read.
  const maxJobBytes = Math.max(settings.maxBodyBytes, ...registry.types.map(({ maxBodyBytes }) => maxBodyBytes));
  return [
    submit("/api/v1/jobs", submitJob(deps), maxJobBytes),
    submit("/api/v1/jobs/batch", submitBatch(deps), settings.maxBatchBytes),
    read("GET", "/api/v1/jobs", listJobs(deps)),
    read("GET", "/api/v1/jobs/{id}", getJob(deps)),
    read("DELETE", "/api/v1/jobs/{id}", cancelJob(deps)),
    read("GET", "/api/v1/jobs/{id}/artifacts/{name}", getArtifact(deps)),
    read("GET", "/api/v1/queues", getQueues(deps)),
    read("GET", "/api/v1/workers", getWorkers(deps)),
    read("GET", "/api/v1/stats", getStats(deps)),
    ...(deps.mail ? [read("GET", "/dev/mail", listMail(deps.mail)), read("GET", "/dev/mail/{id}", readMail(deps.mail))] : []),
    ...ofEveryRole,
  ];
}
