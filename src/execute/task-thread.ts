/** The code of a thread that runs tasks. */
import { createContext, Script } from "node:vm";
import { workerData } from "piscina";
import { codeOf } from "../errors.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { printWarnings } from "../observability/console-output.ts";
import { endOfThrow } from "./attempt.ts";
import { type Task, type TaskAnswer, taskOf } from "./task.ts";
import type { ThreadData } from "./threads.ts";

printWarnings();
const registry = await loadRegistry(workerData as ThreadData);

// When the script's time is over, V8 interrupts the functions that it called, wherever they are defined; the thread
// continues.
const call = { work: (): unknown => undefined };
const callContext = createContext(call);
const script = new Script("work()");

/** Callers wait for it to have the module loaded. */
export function warmUp(): void {
  return undefined;
}

/**
 * @param tryForMs interrupts the task after this long; if undefined, the caller terminates the thread to stop the task
 */
export default function runTask({ task, tryForMs }: { readonly task: Task; readonly tryForMs?: number }): TaskAnswer {
  const { type, name, payload, argument } = task;
  const work = (): unknown => {
    const definition = registry.get(type)?.definition;
    if (!definition) throw new Error(`no job type ${type} on this thread`);
    return taskOf(definition, name)(JSON.parse(payload), argument, payload);
  };
  try {
    return { kind: "returned", value: tryForMs === undefined ? work() : interruptible(work, tryForMs) };
  } catch (error) {
    if (codeOf(error) === "ERR_SCRIPT_EXECUTION_TIMEOUT") return { kind: "unfinished" };
    return endOfThrow(error) as TaskAnswer;
  }
}

function interruptible(work: () => unknown, timeout: number): unknown {
  call.work = work;
  try {
    return script.runInContext(callContext, { timeout });
  } finally {
    call.work = () => undefined; // releases the payload
  }
}
