/**
 * Finds the handler that blocks the main thread. The code runs on top of the blocked code, at the guard's request: the
 * stack, followed through each `await` back to the handler, contains the file, and the file identifies the job type. It
 * changes nothing.
 */
import { fileURLToPath } from "node:url";
import type { Job } from "../core/job.ts";

/** An async handler is below all that it called. */
const STACK_LIMIT = 50;
const MAX_FRAMES = 10;
const MAX_JOB_IDS = 10;

export interface Blocker {
  /** The job type whose handler blocks; undefined if several run and the stack contains none of their files. */
  readonly type: string | undefined;
  /** How many attempts of each type run on the main thread. */
  readonly running: Readonly<Record<string, number>>;
  /**
   * The job, if the call of its handler has not returned yet; else the running jobs of the type, one of which blocks.
   * At most {@link MAX_JOB_IDS}.
   */
  readonly jobIds: readonly string[];
  /** `file:line:column` of the innermost frame outside of Node. */
  readonly at: string | undefined;
  /** The innermost frames. */
  readonly stack: readonly string[];
}

export interface BlockerSources {
  /** The job whose handler has been called and has not returned its promise yet. */
  readonly starting: () => Job | undefined;
  /** The jobs on the main thread whose handlers have returned a promise. */
  readonly jobs: () => readonly Job[];
  /** How many attempts of each type run on the main thread. */
  readonly running: () => Readonly<Record<string, number>>;
  /** The files of job types, each with its type. */
  readonly typeOfFile: ReadonlyMap<string, string>;
}

/** @param above the function that the guard calls on top of the blocked code: the stack omits its frames */
export function findBlocker(
  { starting, jobs, running, typeOfFile }: BlockerSources,
  above: (...args: never[]) => unknown,
): Blocker {
  const frames = framesBelow(above);
  const positions = frames.map(positionOf);
  const counts = running();
  const job = starting();
  // The outermost file decides: a type's file may use another type's file.
  const type =
    job?.type ??
    positions.map((position) => position && typeOfFile.get(position.file)).findLast(Boolean) ??
    onlyOne(Object.keys(counts));
  const ids = job
    ? [job.id]
    : jobs()
        .filter((other) => other.type === type)
        .map(({ id }) => id);
  const inner = positions.find(Boolean);
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
    return frames.slice(frames.findIndex((frame) => !frame.startsWith("<anonymous>:"))); // the guard's own code
  } catch {
    return []; // a handler's own Error.prepareStackTrace throws
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function positionOf(frame: string): { readonly file: string; readonly position: string } | undefined {
  const [, location = "", position = ""] = /(?:^|[( ])((?:file:\/\/)?\/[^()]*?):(\d+:\d+)\)?$/.exec(frame) ?? [];
  if (location === "") return undefined;
  return { file: location.startsWith("file:") ? fileURLToPath(location.replace(/[?#].*$/, "")) : location, position };
}
