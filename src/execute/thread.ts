/** What runs inside a pool thread: it opens a type's tool at its first job, and runs one attempt after the other. */
import { parentPort } from "node:worker_threads";
import { workerData } from "piscina";
import type { AttemptEnd } from "../core/settle.ts";
import { loadRegistry } from "../registry.ts";
import { endOfReturn, endOfThrow } from "./attempt.ts";
import { clampProgress } from "./io-context.ts";
import type { ThreadData, ThreadMessage, ThreadTask } from "./threads.ts";
import { pickSettings } from "./tools.ts";

const { jobsDir, settings } = workerData as ThreadData;
const registry = await loadRegistry({ jobsDir });
const tools = new Map<string, Promise<unknown>>();
const neverAborted = new AbortController().signal; // a thread that should stop is terminated

function say(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

export default async function runAttempt({ type, jobId, attempt, payload }: ThreadTask): Promise<AttemptEnd> {
  try {
    const definition = registry.get(type)?.definition;
    if (!definition) throw new Error(`no job type ${type} on this thread`);
    let opened = tools.get(type);
    if (!opened) {
      opened = Promise.resolve(definition.open?.(pickSettings(definition, settings)));
      tools.set(type, opened);
      opened.catch(() => tools.delete(type)); // the next attempt opens anew
    }
    const value: unknown = await definition.run(JSON.parse(payload), {
      jobId,
      attempt,
      tool: await opened,
      signal: neverAborted,
      progress: (percent: number) => say({ jobId, progress: clampProgress(percent) ?? 0 }),
      log: (message: string, fields?: Record<string, unknown>) => say({ jobId, log: message, fields }),
    });
    return endOfReturn(value);
  } catch (error) {
    return endOfThrow(error);
  }
}
