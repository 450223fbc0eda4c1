/** A task of a job type: one of its functions, run on a pool thread. */
import type { AnyJobDefinition } from "../core/job-type.ts";
import type { AttemptEnd } from "../core/settle.ts";

export interface Task {
  readonly type: string;
  readonly name: string;
  /** The job's payload as JSON. */
  readonly payload: string;
  readonly argument: unknown;
}

/** The answer of a thread: `unfinished` if the first try exceeded its time. */
export type TaskAnswer =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "unfinished" }
  | Extract<AttemptEnd, { readonly kind: "threw" }>;

/** @throws {Error} for a name that the type does not have */
export function taskOf(
  { type, tasks = {} }: AnyJobDefinition,
  name: string,
): (payload: unknown, argument: unknown, payloadJson: string) => unknown {
  const task: unknown = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (typeof task !== "function") throw new Error(`the job type ${type} has no task ${name}`);
  return task as (payload: unknown, argument: unknown, payloadJson: string) => unknown;
}
