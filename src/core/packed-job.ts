/**
 * A job ↔ the texts that Redis keeps of it. What was submitted does not change, but for its state while that is all there is:
 *
 *   state priority `type|max_attempts|group|options` "\n" payload
 *
 * A large payload (payload.ts) has a key of its own; in its place stands only its size, behind max_attempts: `type|3>1048576|group|options` "\n".
 *
 * What becomes of the job from its first claim on stands in a hash: a head, and a line for each attempt. So a batch of jobs
 * is claimed, or settled, with one command, and none touches a payload. The scripts join both to the whole text of a job:
 *
 *   head (42 characters) + `type|max_attempts|group|options` + "\n" + payload { "\n" + attempt record }
 *
 * A record is JSON; the last of a completed job is mostly "=", finished_at, and its result: the head says the rest.
 *
 * No line holds a newline of its own: raw JSON text can have one only between tokens, where a space says the same. The head of
 * a whole text (the hash leaves out the priority):
 *
 *   1      state: q(ueued) s(cheduled) t(o be retried) r(unning) c(ompleted) f(ailed) x (cancelled)
 *   2      priority      3-4 attempt      5 crashes      6-7 deferrals      8 cancel requested (0, 1)
 *   9-11   progress (000 to 100, or ---)
 *   12-24  started_at, epoch ms           25-32 replica                     33-42 claim number, base 36
 */
import { timeOfId } from "./id.ts";
import type { AttemptRecord, Evidence, Job, JobOptions, Outcome, Status, Submission, TerminalStatus } from "./job.ts";
import { TERMINAL_STATUSES } from "./job.ts";
import { lastText } from "./last-text.ts";
import { dataOf, isLarge } from "./payload.ts";
import { withSavedState } from "./saved-state.ts";

export const HEAD_LENGTH = 42;

/** Within so many bytes of a submission's text its payload begins, for nearly all of them: the rest has a long URL, or many tags. */
export const HEADER_BYTES = 1_152;

/** Of a head, what stands behind the priority before the first claim. */
const UNCLAIMED = "000000---0000000000000--------0000000000";

/** The whole text of a job, as the scripts join it. @param state what the hash holds of it, where it does */
export function wholeText(text: string, state: string | undefined): string {
  if (state === undefined) return text.slice(0, SUBMITTED_HEAD_LENGTH) + UNCLAIMED + text.slice(SUBMITTED_HEAD_LENGTH);
  return (
    state.charAt(0) +
    text.charAt(1) +
    state.slice(1, HEAD_LENGTH - 1) +
    text.slice(SUBMITTED_HEAD_LENGTH) +
    state.slice(HEAD_LENGTH - 1)
  );
}

/** Epoch milliseconds, until the year 2286. */
const TIME_DIGITS = 13;

/** A number as the texts of fixed places have it. @throws RangeError for one that has no place there: it would move all that follows */
export function digits(value: number, width: number): string {
  const text = String(value);
  if (!(value >= 0) || text.length > width) throw new RangeError(`${text} does not fit into ${width} digits`);
  return text.padStart(width, "0");
}

const SEQ_DIGITS = 10;
/** Claim numbers below it fit: a process that claims a million times a second reaches it after a century. */
export const SEQ_LIMIT = 36 ** SEQ_DIGITS;

/** A claim number as the head of a job, and every script, has it. @throws RangeError for one that does not fit */
export function encodeSeq(seq: number): string {
  if (!(seq >= 0 && seq < SEQ_LIMIT)) throw new RangeError(`${seq} is no claim number`);
  return seq.toString(36).padStart(SEQ_DIGITS, "0");
}

function decodeSeq(text: string): number {
  return Number.parseInt(text, 36);
}

/** What stands before the type in the text of a submission. */
export const SUBMITTED_HEAD_LENGTH = 2;

/** The options of a submission that said nothing; shared, so that it is known at a glance. */
export const NO_OPTIONS: JobOptions = Object.freeze({});

/** The status that a state letter stands for. */
export const STATUS_OF: Readonly<Record<string, Status>> = {
  q: "queued",
  s: "scheduled",
  t: "retrying",
  r: "running",
  c: "completed",
  f: "failed",
  x: "cancelled",
};

/** The state letter of a terminal status. */
export const LETTER_OF = { completed: "c", failed: "f", cancelled: "x" } as const satisfies Record<
  TerminalStatus,
  string
>;

/** JSON text without line breaks or tabs: raw ones can only stand between tokens. */
export function oneLine(json: string): string {
  return /[\n\r\t]/.test(json) ? json.replace(/[\n\r\t]/g, " ") : json;
}

/** The text of a new job: `s` where it names a time to start, which the script that enqueues it compares with its clock. */
export function encodeSubmission(submission: Submission): string {
  const { payload } = submission;
  return isLarge(payload) ? headOf(submission, payload.size) : headOf(submission, 0) + payload;
}

/** What {@link encodeSubmission} would give if its payload were small: the text, and the bytes of a large payload, which follow it. */
export function encodeWhole(submission: Submission): { readonly text: string; readonly data?: Uint8Array } {
  const { payload } = submission;
  return isLarge(payload)
    ? { text: headOf(submission, 0), data: dataOf(payload) }
    : { text: headOf(submission, 0) + payload };
}

/** @param size of a large payload that is stored apart, or 0 */
function headOf(submission: Submission, size: number): string {
  const { priority, type, maxAttempts, options } = submission;
  return submissionHead(
    options.run_at === undefined ? "q" : "s",
    priority,
    type,
    size === 0 ? maxAttempts : `${maxAttempts}>${size}`,
    encodeGroup(submission),
    encodeOptions(options),
  );
}

const submissionHead = lastText(
  (state: string, priority: number, type: string, maxAttempts: number | string, group: string, extra: string) =>
    `${state}${priority}${type}|${maxAttempts}|${group}|${extra}\n`,
);

/** The group as it stands in keys and values: free of `|`, spaces and line breaks. */
export function encodeGroup({ groupKey }: Pick<Submission, "groupKey">): string {
  return groupKey === null ? "" : encodeURIComponent(groupKey);
}

/** Submissions that say nothing of their own share their options. */
const encodeOptions = lastText((options: JobOptions) => {
  const text = JSON.stringify(options);
  return text === "{}" ? "" : text;
});

const NO_HISTORY: readonly string[] = Object.freeze([]);

/** A claim's lease on a job, which its text does not show yet. */
export interface FreshLease {
  readonly replica: string;
  readonly seq: number;
  /** Epoch ms, Redis's. */
  readonly now: number;
}

/** What changes of a job until it ends. */
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

/** Reads a whole text; with a lease, as the job is under it. */
export function decodeJob(id: string, text: string, lease?: FreshLease): Job {
  const startedAt = lease ? lease.now : Number(text.slice(11, 24));
  const progress = lease ? "---" : text.slice(8, 11);
  return jobOf(id, text, HEAD_LENGTH, {
    status: lease ? "running" : (STATUS_OF[text.charAt(0)] ?? "queued"),
    attempt: Number(text.slice(2, 4)) + (lease ? 1 : 0),
    crashes: Number(text.charAt(4)),
    deferrals: Number(text.slice(5, 7)),
    isCancelRequested: text.charAt(7) === "1",
    progress: progress === "---" ? null : Number(progress),
    startedAt: startedAt === 0 ? null : startedAt,
    worker: lease ? lease.replica : startedAt === 0 ? null : text.slice(24, 32),
    claimSeq: lease ? lease.seq : decodeSeq(text.slice(32, 42)),
  });
}

/** Reads the text of a submission; with a lease, as the job is under it, its first. */
export function decodeSubmission(id: string, text: string, lease?: FreshLease): Job {
  return jobOf(id, text, SUBMITTED_HEAD_LENGTH, {
    status: lease ? "running" : (STATUS_OF[text.charAt(0)] ?? "queued"),
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

/** The job of a submission that was leased as it was enqueued: what {@link decodeSubmission} would read of it. */
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

/** @param from where the type begins @throws Error for a text that a program of this version cannot have written */
function jobOf(id: string, text: string, from: number, state: State): Job {
  const metaEnd = text.indexOf("\n", from);
  const payloadEnd = text.indexOf("\n", metaEnd + 1);
  const typeEnd = text.indexOf("|", from);
  const maxAttemptsEnd = text.indexOf("|", typeEnd + 1);
  const groupEnd = text.indexOf("|", maxAttemptsEnd + 1);
  const limits = text.slice(typeEnd + 1, maxAttemptsEnd);
  const maxAttempts = Number.parseInt(limits, 10);
  if (groupEnd === -1 || groupEnd >= metaEnd || !(maxAttempts > 0)) throw new Error("its text has another form");
  const sizeAt = limits.indexOf(">") + 1;
  const payload = payloadEnd === -1 ? text.slice(metaEnd + 1) : text.slice(metaEnd + 1, payloadEnd);
  const job: Job = {
    id,
    type: text.slice(from, typeEnd),
    payload: sizeAt === 0 ? payload : { size: Number(limits.slice(sizeAt)) },
    priority: text.charCodeAt(1) - 48,
    maxAttempts,
    groupKey: groupEnd === maxAttemptsEnd + 1 ? null : decodeURIComponent(text.slice(maxAttemptsEnd + 1, groupEnd)),
    options: groupEnd + 1 === metaEnd ? NO_OPTIONS : (JSON.parse(text.slice(groupEnd + 1, metaEnd)) as JobOptions),
    status: state.status,
    attempt: state.attempt,
    crashes: state.crashes,
    deferrals: state.deferrals,
    isCancelRequested: state.isCancelRequested,
    progress: state.progress,
    startedAt: state.startedAt,
    worker: state.worker,
    claimSeq: state.claimSeq,
    history: payloadEnd === -1 ? [] : readHistory(text.slice(payloadEnd + 1), state),
  };
  return payloadEnd === -1 ? job : withSavedState(job);
}

/**
 * A job whose text cannot be read, as far as its first characters show: enough to settle it as failed, and to name it in a list.
 * @param from where its type begins
 */
export function unreadableJob(id: string, text: string, from: number, lease?: FreshLease): Job {
  const isWhole = from === HEAD_LENGTH;
  const counter = (at: number, end: number): number => (isWhole && Number(text.slice(at, end))) || 0;
  return {
    ...leasedJob(
      id,
      {
        type: /^[a-z0-9_]+/.exec(text.slice(from, from + 64))?.[0] ?? "unknown",
        payload: "{}",
        priority: 5,
        maxAttempts: 1,
        groupKey: null,
        options: NO_OPTIONS,
      },
      lease ?? NOBODY,
    ),
    ...(lease ? {} : { status: STATUS_OF[text.charAt(0)] ?? "queued", startedAt: null, worker: null }),
    attempt: counter(2, 4) + (lease ? 1 : 0),
    crashes: counter(4, 5),
    deferrals: counter(5, 7),
  };
}

const NOBODY: FreshLease = { replica: "", seq: 0, now: 0 };

/** Reads a whole text; where it cannot be read, {@link unreadableJob}. */
export function readJob(id: string, text: string): Job {
  try {
    return decodeJob(id, text);
  } catch {
    return unreadableJob(id, text, HEAD_LENGTH);
  }
}

/** The counters of a head, as settle rewrites them: attempt, crashes, deferrals. */
export function encodeCounters(attempt: number, crashes: number, deferrals: number): string {
  return `${attempt < 10 ? "0" : ""}${attempt}${Math.min(crashes, 9)}${deferrals < 10 ? "0" : ""}${deferrals}`;
}

/** A result stands last in its record, so that its text can be cut out as it was written: numbers keep all digits. */
const RESULT = `,"result":`;

/** What marks a {@link shortRecord}. */
const SHORT = "=";

/**
 * The record of an attempt that completed and left nothing beside its result, as most do: what the head of the job's text says as well is
 * left out. It can only be the last one.
 * @param result a JSON text
 */
export function shortRecord(finishedAt: number, result: string): string {
  return `${SHORT}${digits(finishedAt, TIME_DIGITS)}${result}`;
}

function readHistory(text: string, { attempt, worker, startedAt }: State): readonly string[] {
  const records = text.split("\n");
  const last = records.at(-1) ?? "";
  for (const record of records) if (record !== last || !last.startsWith(SHORT)) JSON.parse(record); // who looks at one later need not expect another form
  if (!last.startsWith(SHORT)) return records;
  const [finished, result] = [Number(last.slice(1, 1 + TIME_DIGITS)), last.slice(1 + TIME_DIGITS)];
  records[records.length - 1] = encodeRecord({
    attempt,
    outcome: "completed",
    worker,
    started_at: startedAt,
    finished_at: finished,
    result,
  });
  return records;
}

/** One line of history. `result` is a JSON text. */
export function encodeRecord(record: Omit<AttemptRecord, "result"> & { readonly result?: string | undefined }): string {
  const { result } = record;
  if (result === undefined) return JSON.stringify(record);
  const worker = record.worker === null ? "null" : `"${record.worker}"`;
  return `{"attempt":${record.attempt},"outcome":"${record.outcome}","worker":${worker},"started_at":${record.started_at ?? "null"},"finished_at":${record.finished_at}${evidenceText(record)}${RESULT}${result}}`;
}

function evidenceText({ thread, log }: Evidence): string {
  return (
    (thread === undefined ? "" : `,"thread":${thread}`) + (log === undefined ? "" : `,"log":${JSON.stringify(log)}`)
  );
}

/** A record as a row keeps it, whose result has a column of its own. */
export function withoutResult(record: string): string {
  const at = record.indexOf(RESULT); // in a text of the record's own a quote is escaped
  return at === -1 ? record : `${record.slice(0, at)}}`;
}

function hasEvidence({ thread, log }: Evidence): boolean {
  return thread !== undefined || log !== undefined;
}

/** When a job could start, epoch ms; undefined where its records do not tell: one of them stands for all its waits for a turn, and a job that goes on from what it saved may have none. */
export function readyAtOf({ id, options, history, saved }: Job): number | undefined {
  if (saved !== undefined) return undefined;
  const last = history.at(-1);
  if (last === undefined) return Math.max(timeOfId(id), options.run_at ?? 0);
  const {
    finished_at: finishedAt,
    next_at: nextAt = finishedAt,
    waits_for_turn: waitsForTurn,
  } = JSON.parse(last) as AttemptRecord;
  return waitsForTurn ? undefined : nextAt;
}

/** Who ran the latest attempt, and from when. A record without a start tells of none: the job was cancelled, or expired, while it waited. */
export function latestAttempt(history: readonly string[]): {
  readonly worker: string | null;
  readonly startedAt: number | null;
} {
  for (let i = history.length - 1; i >= 0; i--) {
    const { worker, started_at: startedAt } = JSON.parse(history[i] ?? "{}") as AttemptRecord;
    if (startedAt !== null) return { worker, startedAt };
  }
  return { worker: null, startedAt: null };
}

/** The outcome of a job that stands in the outbox; undefined for any other. */
export function outcomeOf(job: Job): Outcome | undefined {
  const status = TERMINAL_STATUSES.find((terminal) => terminal === job.status);
  const last = job.history.at(-1);
  if (status === undefined || last === undefined) return undefined;
  const record = JSON.parse(last) as AttemptRecord;
  const before = job.history.slice(0, -1);
  return {
    job,
    status,
    result: record.result === undefined ? null : last.slice(last.indexOf(RESULT) + RESULT.length, -1),
    error: record.error ?? null,
    attempt: job.attempt,
    ...latestAttempt(job.history),
    finishedAt: record.finished_at,
    records:
      hasEvidence(record) || (record.started_at === null && before.length > 0)
        ? [...before, withoutResult(last)]
        : before,
  };
}
