/** The routes: each operation of the contract, and its handler. */
import { SharedRead } from "../concurrency/shared-read.ts";
import * as batches from "./contract/batch-operations.ts";
import * as bulk from "./contract/bulk-operations.ts";
import * as documentation from "./contract/documentation-operations.ts";
import * as flows from "./contract/flow-operations.ts";
import * as probes from "./contract/health-operations.ts";
import * as history from "./contract/history-operations.ts";
import * as introspection from "./contract/introspection-operations.ts";
import * as diagnostics from "./contract/job-diagnostics-operations.ts";
import * as jobs from "./contract/job-operations.ts";
import * as updates from "./contract/job-update-operations.ts";
import * as mail from "./contract/mail-operations.ts";
import type { Operation } from "./contract/operation.ts";
import * as queues from "./contract/queue-operations.ts";
import * as schedules from "./contract/schedule-operations.ts";
import * as system from "./contract/system-operations.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { followAll } from "./handlers/all-events.ts";
import { getArtifact, opensByLink } from "./handlers/artifacts.ts";
import { getAttempts } from "./handlers/attempts.ts";
import { getAudit } from "./handlers/audit.ts";
import { bulkJobs, rerunJobs } from "./handlers/bulk.ts";
import { getDestinations, resetDestination } from "./handlers/destinations.ts";
import { eraseJob } from "./handlers/erase.ts";
import { getErrors } from "./handlers/error-groups.ts";
import { addBatchJobs } from "./handlers/flows/add-jobs.ts";
import { cancelFlow, closeBatch, MAX_RETRY_BYTES, retryFlow } from "./handlers/flows/change-flow.ts";
import { BATCH_VIEW, FLOW_VIEW } from "./handlers/flows/find-flow.ts";
import { followFlow } from "./handlers/flows/flow-events.ts";
import { listFlowJobs } from "./handlers/flows/flow-jobs.ts";
import { getFlow, listBatches, listFlows } from "./handlers/flows/read-flows.ts";
import { submitBatchFlow, submitFlow } from "./handlers/flows/submit-flow.ts";
import { getHealth, isLive, isReady } from "./handlers/health.ts";
import { followJob } from "./handlers/job-events.ts";
import { listJobs } from "./handlers/job-list.ts";
import { cancelJob, getJob } from "./handlers/jobs.ts";
import { getQueue, getQueueHistory } from "./handlers/queue-detail.ts";
import { getQueues, pauseQueue, resumeQueue } from "./handlers/queues.ts";
import { retryJob } from "./handlers/retry.ts";
import { backfillSchedule } from "./handlers/schedules/backfill-schedule.ts";
import { MAX_DEFINITION_BYTES } from "./handlers/schedules/definition-body.ts";
import { deleteSchedule } from "./handlers/schedules/delete-schedule.ts";
import { listSchedules } from "./handlers/schedules/list-schedules.ts";
import { previewSchedule } from "./handlers/schedules/preview-schedule.ts";
import { putSchedule, updateSchedule } from "./handlers/schedules/put-schedule.ts";
import { runSchedule } from "./handlers/schedules/run-schedule.ts";
import { getSchedule, pauseSchedule, resumeSchedule, revertSchedule } from "./handlers/schedules/schedule-acts.ts";
import { listScheduleRuns } from "./handlers/schedules/schedule-runs.ts";
import { scrapeOf } from "./handlers/scrape.ts";
import { getSeries } from "./handlers/series.ts";
import { getStats, getWorkers } from "./handlers/stats.ts";
import { submitBatch, submitJob } from "./handlers/submit.ts";
import { getTypes } from "./handlers/types.ts";
import { runJob, updateJob } from "./handlers/update.ts";
import { getWhoami } from "./handlers/whoami.ts";
import { getWhy } from "./handlers/why.ts";
import { fromAsync } from "./http/async-handler.ts";
import { basePathOf } from "./http/base-path.ts";
import { EMPTY_BODY_BYTES } from "./http/empty-body.ts";
import type { Answer, ApiRequest, Handler } from "./http/exchange.ts";
import { LargeBodies } from "./http/large-bodies.ts";
import { withoutQuery } from "./http/no-query.ts";
import { getDashboard, getDashboardFile } from "./pages/dashboard.ts";
import { listMail, readMail, readMailPart } from "./pages/dev-mail.ts";
import { getDocs, getDocsFile, getRoot } from "./pages/docs.ts";
import { getOpenApi } from "./pages/openapi.ts";

export interface Route {
  /** A GET operation also answers HEAD. */
  readonly operation: Operation;
  readonly handle: Handler;
  /** The size limit of the body; 0 if the call ignores a body. */
  readonly maxBodyBytes: number;
  /** Rejected while this replica drains. */
  readonly takesJobs: boolean;
  /** A browser may show it, with links that are relative to its path. */
  readonly isPage?: true;
  /** Whether the URL of a request is a signed link, which needs no API key. */
  readonly admits?: (params: readonly string[], query: string) => boolean;
}

/** @param isLeaving whether the server is about to stop, and so is not ready */
export function routesOf(deps: ApiDependencies, isLeaving: () => boolean): Route[] {
  const { registry, settings, metrics } = deps;
  const route = (operation: Operation, handle: Handler): Route => ({
    operation,
    handle,
    maxBodyBytes: 0,
    takesJobs: false,
  });
  const call = (operation: Operation, answerOf: (request: ApiRequest) => Promise<Answer>): Route =>
    route(operation, fromAsync(deps.log, answerOf));
  const submit = (operation: Operation, handle: Handler, maxBodyBytes: number): Route => ({
    operation,
    handle,
    maxBodyBytes,
    takesJobs: true,
  });

  const jobCounts = new SharedRead(() => deps.queue.jobCounts());
  const health = getHealth(deps, jobCounts);
  const ready = isReady(deps, jobCounts, isLeaving);
  const ofEveryRole = [
    ...[probes.getHealth, probes.getHealthz].map((operation) => call(operation, health)),
    ...[probes.isLive, probes.isLivez].map((operation) => route(operation, isLive)),
    ...[probes.isReady, probes.isReadyz].map((operation) => call(operation, ready)),
    call(probes.getMetrics, scrapeOf(metrics)),
  ];
  if (settings.role === "worker") return ofEveryRole;
  // The type, and so its size limit, is known only after the body has been read.
  const maxJobBytes = Math.max(settings.maxBodyBytes, ...registry.types.map(({ maxBodyBytes }) => maxBodyBytes));
  const largeBodies = new LargeBodies(settings.maxBufferedBytes);
  const hasDashboard = settings.dashboard.mode !== "off";
  const dashboardRoutes: Route[] = [
    { ...route(documentation.getDashboard, getDashboard), isPage: true },
    // before the pages below /ui, whose patterns match its path, too
    call(documentation.getDashboardFile, getDashboardFile),
    { ...route(documentation.getDashboardScreen, getDashboard), isPage: true },
    { ...route(documentation.getDashboardItem, getDashboard), isPage: true },
  ];
  const routes: Route[] = [
    submit(jobs.submitJob, submitJob(deps, largeBodies), maxJobBytes),
    submit(jobs.submitBatch, submitBatch(deps, largeBodies), settings.maxBatchBytes),
    submit(bulk.rerunJobs, rerunJobs(deps), 64 * 1_024),
    submit(bulk.cancelJobs, bulkJobs(deps, "cancel"), 64 * 1_024),
    submit(bulk.runJobs, bulkJobs(deps, "run"), 64 * 1_024),
    submit(bulk.updateJobs, bulkJobs(deps, "update"), 64 * 1_024),
    submit(bulk.eraseJobs, bulkJobs(deps, "erase"), 64 * 1_024),
    call(jobs.listJobs, listJobs(deps)),
    call(jobs.getJob, getJob(deps)),
    call(jobs.cancelJob, withoutQuery(cancelJob(deps))),
    { ...call(updates.cancelJobByPost, withoutQuery(cancelJob(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    { ...call(updates.updateJob, withoutQuery(updateJob(deps))), maxBodyBytes: maxJobBytes },
    { ...call(updates.runJob, withoutQuery(runJob(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    route(jobs.followJob, followJob(deps)),
    route(jobs.followAll, followAll(deps)),
    { ...call(jobs.getArtifact, getArtifact(deps)), admits: opensByLink(deps) },
    call(diagnostics.getAttempts, getAttempts(deps)),
    call(diagnostics.getWhy, getWhy(deps)),
    { ...call(diagnostics.retryJob, retryJob(deps)), maxBodyBytes: EMPTY_BODY_BYTES, takesJobs: true },
    { ...call(diagnostics.eraseJob, withoutQuery(eraseJob(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    ...flowRoutes(deps, largeBodies),
    ...scheduleRoutes(deps),
    call(system.getQueues, withoutQuery(getQueues(deps, jobCounts))),
    call(queues.getQueue, getQueue(deps)),
    call(queues.getQueueHistory, getQueueHistory(deps)),
    { ...call(system.pauseQueue, withoutQuery(pauseQueue(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    { ...call(system.resumeQueue, withoutQuery(resumeQueue(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    call(introspection.getTypes, withoutQuery(getTypes(deps, jobCounts))),
    call(introspection.getDestinations, withoutQuery(getDestinations(deps))),
    { ...call(introspection.resetDestination, withoutQuery(resetDestination(deps))), maxBodyBytes: EMPTY_BODY_BYTES },
    call(introspection.getAudit, getAudit(deps)),
    route(system.getWhoami, getWhoami(deps)),
    call(system.getWorkers, getWorkers(jobCounts)),
    call(system.getStats, getStats(jobCounts)),
    call(history.getSeries, getSeries(deps)),
    call(history.getErrors, getErrors(deps)),
    ...(deps.mail
      ? [
          { ...call(mail.listMail, listMail(deps.mail)), isPage: true as const },
          { ...call(mail.readMail, readMail(deps.mail)), isPage: true as const },
          call(mail.readMailPart, readMailPart(deps.mail)),
        ]
      : []),
    ...ofEveryRole,
    route(documentation.getRoot, getRoot(hasDashboard ? "ui" : "docs", basePathOf(settings.publicUrl))),
    { ...route(documentation.getDocs, getDocs), isPage: true },
    call(documentation.getDocsFile, getDocsFile),
    ...(hasDashboard ? dashboardRoutes : []),
    call(
      documentation.getOpenApi,
      getOpenApi({
        registry,
        publicUrl: settings.publicUrl,
        operations: () => routes.map(({ operation }) => operation),
      }),
    ),
  ];
  return routes;
}

function flowRoutes(deps: ApiDependencies, largeBodies: LargeBodies): Route[] {
  const route = (operation: Operation, handle: Handler, maxBodyBytes = 0, takesJobs = false): Route => ({
    ...{ operation, handle, maxBodyBytes, takesJobs },
  });
  const call = (
    operation: Operation,
    answerOf: (request: ApiRequest) => Promise<Answer>,
    maxBodyBytes = 0,
    takesJobs = false,
  ): Route => route(operation, fromAsync(deps.log, answerOf), maxBodyBytes, takesJobs);
  const { maxBatchBytes } = deps.settings;
  return [
    route(flows.submitFlow, submitFlow(deps, largeBodies), maxBatchBytes, true),
    call(flows.listFlows, listFlows(deps)),
    call(flows.getFlow, withoutQuery(getFlow(deps, FLOW_VIEW))),
    call(flows.cancelFlow, withoutQuery(cancelFlow(deps, FLOW_VIEW))),
    call(flows.listFlowJobs, listFlowJobs(deps, FLOW_VIEW)),
    call(flows.retryFlow, withoutQuery(retryFlow(deps, FLOW_VIEW)), MAX_RETRY_BYTES, true),
    route(flows.followFlow, followFlow(deps, FLOW_VIEW)),
    route(batches.submitBatchOfJobs, submitBatchFlow(deps, largeBodies), maxBatchBytes, true),
    call(batches.listBatches, listBatches(deps)),
    call(batches.getBatch, withoutQuery(getFlow(deps, BATCH_VIEW))),
    call(batches.cancelBatch, withoutQuery(cancelFlow(deps, BATCH_VIEW))),
    call(batches.listBatchJobs, listFlowJobs(deps, BATCH_VIEW)),
    route(batches.addBatchJobs, addBatchJobs(deps, largeBodies), maxBatchBytes, true),
    call(batches.closeBatch, withoutQuery(closeBatch(deps)), EMPTY_BODY_BYTES),
    call(batches.retryBatch, withoutQuery(retryFlow(deps, BATCH_VIEW)), EMPTY_BODY_BYTES, true),
    route(batches.followBatch, followFlow(deps, BATCH_VIEW)),
  ];
}

function scheduleRoutes(deps: ApiDependencies): Route[] {
  const route = (
    operation: Operation,
    answerOf: (request: ApiRequest) => Promise<Answer>,
    maxBodyBytes = 0,
  ): Route => ({
    operation,
    handle: fromAsync(deps.log, answerOf),
    maxBodyBytes,
    takesJobs: false,
  });
  const submits = { takesJobs: true };
  return [
    route(schedules.listSchedules, listSchedules(deps)),
    route(schedules.previewSchedule, previewSchedule(deps), MAX_DEFINITION_BYTES),
    route(schedules.putSchedule, withoutQuery(putSchedule(deps)), MAX_DEFINITION_BYTES),
    route(schedules.getSchedule, getSchedule(deps)),
    route(schedules.updateSchedule, withoutQuery(updateSchedule(deps)), MAX_DEFINITION_BYTES),
    route(schedules.deleteSchedule, deleteSchedule(deps)),
    route(schedules.pauseSchedule, withoutQuery(pauseSchedule(deps)), EMPTY_BODY_BYTES),
    route(schedules.resumeSchedule, withoutQuery(resumeSchedule(deps)), EMPTY_BODY_BYTES),
    route(schedules.revertSchedule, withoutQuery(revertSchedule(deps)), EMPTY_BODY_BYTES),
    { ...route(schedules.runSchedule, withoutQuery(runSchedule(deps)), EMPTY_BODY_BYTES), ...submits },
    { ...route(schedules.backfillSchedule, backfillSchedule(deps), EMPTY_BODY_BYTES), ...submits },
    route(schedules.listScheduleRuns, listScheduleRuns(deps)),
  ];
}
