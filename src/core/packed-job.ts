/**
 * A job as Redis stores it. What was submitted does not change, except for its state until the first claim:
 *
 *   state priority `type|max_attempts|group|options` "\n" payload
 *
 * A large payload (payload.ts) has a separate key; here only its size is stored, after max_attempts:
 * `type|3>1048576|group|options` "\n".
 *
 * From the first claim on, a hash holds what changes: a header, and one line for each attempt (attempt-record.ts). So a
 * batch of jobs is claimed, or settled, with one command, and no command copies a payload. The scripts join both to a
 * whole packed job:
 *
 *   header (header.ts) + `type|max_attempts|group|options` + "\n" + payload { "\n" + attempt record }
 *
 * No line contains a newline: raw JSON can have one only between tokens, where a space means the same.
 */
import { readRecords } from "./attempt-record.ts";
import {
  CANCEL_REQUESTED,
  columnOf,
  decodeSeq,
  HEADER,
  HEADER_LENGTH,
  NO_PROGRESS,
  STATE_HEADER_LENGTH,
  SUBMITTED_HEADER,
  SUBMITTED_HEADER_LENGTH,
  UNCLAIMED,
} from "./header.ts";
import type { Job, JobOptions, Submission } from "./job.ts";
import { lastText } from "./last-text.ts";
import { dataOf, isLarge } from "./payload.ts";
import { withSavedState } from "./saved-state.ts";
import { STATE_CODE, statusOfCode } from "./state-code.ts";

/** The payload of nearly every job begins within this many bytes; other jobs have a long URL, or many tags. */
export const START_BYTES = 1_152;

/** A whole packed job, as the scripts join it. @param state the job's entry in the hash, if any */
export function wholePacked(submitted: string, state: string | undefined): string {
  const rest = submitted.slice(SUBMITTED_HEADER_LENGTH);
  if (state === undefined) return submitted.slice(0, SUBMITTED_HEADER_LENGTH) + UNCLAIMED + rest;
  return (
    columnOf(state, SUBMITTED_HEADER.state) +
    columnOf(submitted, SUBMITTED_HEADER.priority) +
    state.slice(SUBMITTED_HEADER.state.end, STATE_HEADER_LENGTH) +
    rest +
    state.slice(STATE_HEADER_LENGTH)
  );
}

/** The options of a submission that gave none; shared, so that one comparison finds them. */
export const NO_OPTIONS: JobOptions = Object.freeze({});

/** JSON without line breaks or tabs: raw ones can only be between tokens. */
export function oneLine(json: string): string {
  return /[\n\r\t]/.test(json) ? json.replace(/[\n\r\t]/g, " ") : json;
}

/**
 * A new job, packed: in state scheduled if it has a time to start, which the script that enqueues it compares with
 * its clock.
 */
export function encodeSubmission(submission: Submission): string {
  const { payload } = submission;
  return isLarge(payload) ? metadataOf(submission, payload.size) : metadataOf(submission, 0) + payload;
}

/**
 * What {@link encodeSubmission} would return if the payload were small: the packed job, and the bytes of a large
 * payload, which follow it.
 */
export function encodeWhole(submission: Submission): { readonly text: string; readonly data?: Uint8Array } {
  const { payload } = submission;
  return isLarge(payload)
    ? { text: metadataOf(submission, 0), data: dataOf(payload) }
    : { text: metadataOf(submission, 0) + payload };
}

/** A packed job up to its payload. @param size of a large payload that is stored apart, or 0 */
function metadataOf(submission: Submission, size: number): string {
  const { priority, type, maxAttempts, options } = submission;
  return metadata(
    options.run_at === undefined ? STATE_CODE.queued : STATE_CODE.scheduled,
    priority,
    type,
    size === 0 ? maxAttempts : `${maxAttempts}>${size}`,
    encodeGroup(submission),
    encodeOptions(options),
  );
}

const metadata = lastText(
  (state: string, priority: number, type: string, maxAttempts: number | string, group: string, options: string) =>
    `${state}${priority}${type}|${maxAttempts}|${group}|${options}\n`,
);

/** The group as keys and values contain it: without `|`, spaces and line breaks. */
export function encodeGroup({ groupKey }: Pick<Submission, "groupKey">): string {
  return groupKey === null ? "" : encodeURIComponent(groupKey);
}

/** Submissions without options share {@link NO_OPTIONS}, so their text is made once. */
const encodeOptions = lastText((options: JobOptions) => {
  const json = JSON.stringify(options);
  return json === "{}" ? "" : json;
});

const NO_HISTORY: readonly string[] = Object.freeze([]);

/** A claim's lease on a job, which the packed job does not contain yet. */
export interface FreshLease {
  readonly replica: string;
  readonly seq: number;
  /** Epoch ms, Redis's. */
  readonly now: number;
}

/** The fields of a job that change until it ends. */
type State = Pick<
  Job,
  | "status"
  | "attempt"
  | "crashes"
  | "deferrals"
  | "isCancelRequested"
  | "progress"
  | "startedAt"
  | "worker"
  | "claimSeq"
>;

function statusOf(packed: string): Job["status"] {
  return statusOfCode(columnOf(packed, HEADER.state)) ?? "queued";
}

/** Reads a whole packed job; with a lease, as the job is under it. @throws Error as {@link jobOf} */
export function decodeJob(id: string, packed: string, lease?: FreshLease): Job {
  const startedAt = lease ? lease.now : Number(columnOf(packed, HEADER.startedAt));
  const progress = lease ? NO_PROGRESS : columnOf(packed, HEADER.progress);
  return jobOf(id, packed, HEADER_LENGTH, {
    status: lease ? "running" : statusOf(packed),
    attempt: Number(columnOf(packed, HEADER.attempt)) + (lease ? 1 : 0),
    crashes: Number(columnOf(packed, HEADER.crashes)),
    deferrals: Number(columnOf(packed, HEADER.deferrals)),
    isCancelRequested: columnOf(packed, HEADER.cancel) === CANCEL_REQUESTED,
    progress: progress === NO_PROGRESS ? null : Number(progress),
    startedAt: startedAt === 0 ? null : startedAt,
    worker: lease ? lease.replica : startedAt === 0 ? null : columnOf(packed, HEADER.replica),
    claimSeq: lease ? lease.seq : decodeSeq(columnOf(packed, HEADER.seq)),
  });
}

/** Reads a packed submission; with a lease, as the job is under it, its first. @throws Error as {@link jobOf} */
export function decodeSubmission(id: string, packed: string, lease?: FreshLease): Job {
  return jobOf(id, packed, SUBMITTED_HEADER_LENGTH, {
    status: lease ? "running" : statusOf(packed),
    attempt: lease ? 1 : 0,
    crashes: 0,
    deferrals: 0,
    isCancelRequested: false,
    progress: null,
    startedAt: lease ? lease.now : null,
    worker: lease ? lease.replica : null,
    claimSeq: lease ? lease.seq : 0,
  });
}

/**
 * The job of a submission that was leased as it was enqueued: equal to what {@link decodeSubmission} returns for it.
 */
export function leasedJob(
  id: string,
  { type, payload, priority, maxAttempts, groupKey, options }: Submission,
  { replica, seq, now }: FreshLease,
): Job {
  return {
    id,
    type,
    payload,
    priority,
    maxAttempts,
    groupKey,
    options,
    status: "running",
    attempt: 1,
    crashes: 0,
    deferrals: 0,
    isCancelRequested: false,
    progress: null,
    startedAt: now,
    worker: replica,
    claimSeq: seq,
    history: NO_HISTORY,
  };
}

/**
 * @param from the index of its type
 * @throws Error for a packed job that a program of this version cannot have written
 */
function jobOf(id: string, packed: string, from: number, state: State): Job {
  const metadataEnd = packed.indexOf("\n", from);
  const payloadEnd = packed.indexOf("\n", metadataEnd + 1);
  const typeEnd = packed.indexOf("|", from);
  const maxAttemptsEnd = packed.indexOf("|", typeEnd + 1);
  const groupEnd = packed.indexOf("|", maxAttemptsEnd + 1);
  const limits = packed.slice(typeEnd + 1, maxAttemptsEnd);
  const maxAttempts = Number.parseInt(limits, 10);
  if (groupEnd === -1 || groupEnd >= metadataEnd || !(maxAttempts > 0))
    throw new Error("the packed job has another format");
  const sizeAt = limits.indexOf(">") + 1;
  const payload = payloadEnd === -1 ? packed.slice(metadataEnd + 1) : packed.slice(metadataEnd + 1, payloadEnd);
  const job: Job = {
    id,
    type: packed.slice(from, typeEnd),
    payload: sizeAt === 0 ? payload : { size: Number(limits.slice(sizeAt)) },
    priority: packed.charCodeAt(SUBMITTED_HEADER.priority.start) - 48,
    maxAttempts,
    groupKey: groupEnd === maxAttemptsEnd + 1 ? null : decodeURIComponent(packed.slice(maxAttemptsEnd + 1, groupEnd)),
    options:
      groupEnd + 1 === metadataEnd ? NO_OPTIONS : (JSON.parse(packed.slice(groupEnd + 1, metadataEnd)) as JobOptions),
    status: state.status,
    attempt: state.attempt,
    crashes: state.crashes,
    deferrals: state.deferrals,
    isCancelRequested: state.isCancelRequested,
    progress: state.progress,
    startedAt: state.startedAt,
    worker: state.worker,
    claimSeq: state.claimSeq,
    history: payloadEnd === -1 ? [] : readRecords(packed.slice(payloadEnd + 1), state),
  };
  return payloadEnd === -1 ? job : withSavedState(job);
}

/**
 * A job that cannot be decoded, as far as its header and type are readable: enough to settle it as failed, and to list
 * it.
 * @param from the index of its type
 */
export function unreadableJob(id: string, packed: string, from: number, lease?: FreshLease): Job {
  const isWhole = from === HEADER_LENGTH;
  const counter = (name: "attempt" | "crashes" | "deferrals"): number =>
    (isWhole && Number(columnOf(packed, HEADER[name]))) || 0;
  return {
    ...leasedJob(
      id,
      {
        type: /^[a-z0-9_]+/.exec(packed.slice(from, from + 64))?.[0] ?? "unknown",
        payload: "{}",
        priority: 5,
        maxAttempts: 1,
        groupKey: null,
        options: NO_OPTIONS,
      },
      lease ?? NO_LEASE,
    ),
    ...(lease ? {} : { status: statusOf(packed), startedAt: null, worker: null }),
    attempt: counter("attempt") + (lease ? 1 : 0),
    crashes: counter("crashes"),
    deferrals: counter("deferrals"),
  };
}

const NO_LEASE: FreshLease = { replica: "", seq: 0, now: 0 };

/** Reads a whole packed job; {@link unreadableJob} if that fails. */
export function readJob(id: string, packed: string): Job {
  try {
    return decodeJob(id, packed);
  } catch {
    return unreadableJob(id, packed, HEADER_LENGTH); // written by another version: listed and settled, not thrown away
  }
}
