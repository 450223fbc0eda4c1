/**
 * Who blocks the main thread. The guard thread asks, and the answer is found on top of whatever runs there at that moment: the stack,
 * over each `await` back to the handler, names the file, and the file the job type. It only reads.
 */
import { fileURLToPath } from "node:url";
import type { Job } from "../core/job.ts";

/** An async handler stands below all that it called. */
const STACK_LIMIT = 50;
const MAX_FRAMES = 10;
const MAX_JOB_IDS = 10;

export interface Blocker {
  /** The job type whose handler computes; undefined where several run and the stack names none. */
  readonly type: string | undefined;
  /** How many attempts of each type run on the main thread. */
  readonly running: Readonly<Record<string, number>>;
  /** The job, where its handler has just been called; else those of the type that run here: one of them. At most {@link MAX_JOB_IDS}. */
  readonly jobIds: readonly string[];
  /** `file:line:column` of the innermost frame that is not Node's own. */
  readonly at: string | undefined;
  /** The innermost frames. */
  readonly stack: readonly string[];
}

export interface BlockerSources {
  /** The job whose handler is being called now: it has not returned, not even a promise. */
  readonly starting: () => Job | undefined;
  /** The jobs that run on the main thread, as far as they have returned a promise. */
  readonly jobs: () => readonly Job[];
  /** How many attempts of each type run on the main thread. */
  readonly running: () => Readonly<Record<string, number>>;
  /** The files of job types, and their types. */
  readonly typeOfFile: ReadonlyMap<string, string>;
}

/** @param above the function whose callers are told: what runs on top of the blocked code is left out */
export function findBlocker(
  { starting, jobs, running, typeOfFile }: BlockerSources,
  above: (...args: never[]) => unknown,
): Blocker {
  const frames = framesBelow(above);
  const places = frames.map(placeOf);
  const counts = running();
  const job = starting();
  // The outermost: a type's file may use another's.
  const type =
    job?.type ??
    places.map((place) => place && typeOfFile.get(place.file)).findLast(Boolean) ??
    onlyOne(Object.keys(counts));
  const ids = job
    ? [job.id]
    : jobs()
        .filter((other) => other.type === type)
        .map(({ id }) => id);
  const inner = places.find(Boolean);
  return {
    type,
    running: counts,
    jobIds: ids.slice(0, MAX_JOB_IDS),
    at: inner && `${inner.file}:${inner.position}`,
    stack: frames.slice(0, MAX_FRAMES),
  };
}

function onlyOne<Item>(items: readonly Item[]): Item | undefined {
  return items.length === 1 ? items[0] : undefined;
}

function framesBelow(above: (...args: never[]) => unknown): string[] {
  const holder: { stack?: unknown } = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = STACK_LIMIT;
  try {
    Error.captureStackTrace(holder, above);
    const frames = String(holder.stack)
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim().slice("at ".length));
    return frames.slice(frames.findIndex((frame) => !frame.startsWith("<anonymous>:"))); // what the guard evaluated
  } catch {
    return []; // a handler's own Error.prepareStackTrace throws
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function placeOf(frame: string): { readonly file: string; readonly position: string } | undefined {
  const [, where = "", position = ""] = /(?:^|[( ])((?:file:\/\/)?\/[^()]*?):(\d+:\d+)\)?$/.exec(frame) ?? [];
  if (where === "") return undefined;
  return { file: where.startsWith("file:") ? fileURLToPath(where.replace(/[?#].*$/, "")) : where, position };
}
