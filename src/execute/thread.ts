/** The code of a pool thread: opens the resources of its types, and runs attempts. */
import { parentPort, threadId } from "node:worker_threads";
import { workerData } from "piscina";
import { unlimited } from "../core/destination.ts";
import type { AnyJobDefinition, Services } from "../core/job-type.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { printToJob, printWarnings } from "../observability/console-output.ts";
import { collectGarbage } from "../process/free-memory.ts";
import { endOfReturn, endOfThrow } from "./attempt.ts";
import { KeptLog, lineOf } from "./kept-log.ts";
import { pickSettings } from "./resources.ts";
import { reportProgress } from "./shared-progress.ts";
import { stackOf } from "./stack.ts";
import { taskOf } from "./task.ts";
import { ThreadLink } from "./thread-link.ts";
import type { ThreadData, ThreadMessage, ThreadReport, ThreadTask } from "./threads.ts";

printWarnings();
const { jobsDir, settings, channel, sharedMemory = {} } = workerData as ThreadData;
const registry = await loadRegistry({ jobsDir, settings });
const link = channel === undefined ? undefined : new ThreadLink(channel, threadId);
const services: Services = {
  destinations: link?.destinations ?? unlimited,
  redactPayload: registry.redactPayload,
  sharedMemory: (type) => sharedMemory[type],
  startProcess: (request) => post({ thread: threadId, startProcess: request }),
};
const resources = new Map<string, Promise<unknown>>();
/**
 * The log of the running attempt. In lane `io`, where several run at once, captured output belongs to none of them.
 */
let jobLog: ((message: string, fields?: Record<string, unknown>) => void) | undefined;
printToJob(() => jobLog);
const decoder = new TextDecoder();
/** The garbage of a larger payload is collected at once, which takes a small part of the attempt's time. */
const COLLECTED_BYTES = 1024 * 1024;
const neverAborted = new AbortController().signal; // a stop terminates the thread

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

function open(definition: AnyJobDefinition): Promise<unknown> {
  let opened = resources.get(definition.type);
  if (!opened) {
    // a synchronous throw rejects, too
    opened = new Promise((resolve) => resolve(definition.open?.(pickSettings(definition, settings), services)));
    resources.set(definition.type, opened);
    opened.catch(() => resources.delete(definition.type)); // the next attempt opens it again
  }
  return opened;
}

/**
 * Opens the resources before the first attempt needs them. Ignores errors: each attempt opens them again, and reports
 * its error.
 */
export async function warmUp(): Promise<void> {
  await Promise.allSettled(
    registry.types.filter(({ definition }) => definition.lane === "cpu").map(({ definition }) => open(definition)),
  );
}

/** Closes the open resources, before the thread ends. */
export async function closeResources(): Promise<void> {
  const closings = [...resources].map(
    async ([type, opened]): Promise<void> => registry.get(type)?.definition.close?.(await opened),
  );
  await Promise.allSettled(closings); // one failure must not stop the others
  await Promise.all(closings);
}

export default async function runAttempt(task: ThreadTask): Promise<ThreadReport> {
  const { type, jobId, claimSeq, attempt, timeoutMs, groupKey, startedAt, payload, state, progress, key = 0 } = task;
  const { schedule = null } = task;
  const clockAtStart = performance.now();
  let kept: KeptLog | undefined;
  const keep = (message: string, fields?: Record<string, unknown>): void => {
    kept ??= new KeptLog(startedAt, clockAtStart);
    kept.add(message, fields);
  };
  const log = (message: string, fields?: Record<string, unknown>): void => {
    keep(message, fields);
    try {
      post({ jobId, claimSeq, type, attempt, log: message, fields });
    } catch {
      // sends fields that cannot be cloned, such as functions, as text
      post({ jobId, claimSeq, type, attempt, log: lineOf(message, fields), fields: undefined });
    }
  };
  if (!link) jobLog = log;
  const report = (end: ThreadReport["end"]): ThreadReport => ({
    end,
    thread: threadId,
    ...(kept && { log: kept.lines, lineCount: kept.count }),
  });
  try {
    const definition = registry.get(type)?.definition;
    if (!definition) throw new Error(`no job type ${type} on this thread`);
    const text = typeof payload === "string" ? payload : decoder.decode(payload);
    const resource = await open(definition);
    const value: unknown = await definition.run(JSON.parse(text), {
      jobId,
      attempt,
      timeoutMs,
      groupKey,
      schedule,
      state,
      payloadJson: text,
      resource,
      // oxlint-disable-next-line typescript/no-deprecated -- the alias of `resource` that the deprecation speaks of
      tool: resource,
      signal: link?.signalOf(key) ?? neverAborted,
      progress: (percent: number) => reportProgress(progress, percent),
      log,
      onThread: (name, argument) =>
        new Promise((resolve) => resolve(taskOf(definition, name)(JSON.parse(text), argument, text))), // it is on one
    });
    return report(endOfReturn(value));
  } catch (error) {
    for (const line of stackOf(error)) keep(line);
    return report(endOfThrow(error));
  } finally {
    jobLog = undefined;
    link?.ended(key);
    // after the report is sent, when nothing references the payload any more
    if (payload.length > COLLECTED_BYTES) setImmediate(collectGarbage);
  }
}
