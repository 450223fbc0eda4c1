/**
 * The codes in the arguments and replies of the Lua scripts. TypeScript uses these tables; the scripts use the same
 * values as constants (lua-constants.ts). The codes of a job's status are in core/state-code.ts.
 */
import { columnsOf, REPLICA_LENGTH, TIME_DIGITS } from "../core/header.ts";

/**
 * The first character of an argument, which says what the argument is. An argument without one is a job: its id comes
 * first.
 */
export const OPCODE = {
  /** What the jobs that follow have in common: enqueue `type|priority|group`, settle `type`. */
  common: ">",
  /**
   * When the job that follows is to run: enqueue `epoch ms`, settle `epoch ms|priority`, and `>` where its payload is
   * large.
   */
  runAt: "@",
  /** Enqueue: an id whose large payload was stored under `p:<id>`. Update: a name, for one stored under `u:<name>`. */
  storedPayload: "^",
  /** Enqueue: a type; the caller has free slots for its jobs. */
  lease: "+",
  /** Enqueue: the number of arguments that are one submission, and its idempotency key. */
  submission: "#",
  /** Enqueue: the names in the index of the jobs that follow, until the next of these or `common`. */
  index: "&",
  /** Settle: the state code and the expected header of the attempts that follow. Update: the new payload. */
  expected: "=",
  /** Enqueue: a new flow (flow-fields.ts), whose jobs follow. */
  flow: "~",
  /** Enqueue: `flow jobs from`: the jobs that follow are added to this batch, if that is open, or the job `from` runs. */
  addition: "%",
  /** Enqueue: `flow retry position jobs`: so many jobs that follow are prepared for a retry of this flow. */
  preparation: "<",
  /** Enqueue: `1` if the jobs that follow wait for other nodes of their flow, "" if they do not, until the next. */
  waits: "?",
  /** Settle: the flow and the field of the node of the attempts that follow, until the next of these or `common`; "" for none. */
  member: "*",
  /** Settle: the result (`r` and JSON) or the error (`e`) of the attempt that follows, which others refer to. */
  kept: "!",
} as const;

/** The first character of a job in the reply of claim.lua. */
export const CLAIM_CODE = {
  /** Claimed for the first time: the packed submission. */
  first: "+",
  /** Claimed again: the whole packed job. */
  again: "*",
  /** Its lease ran out: the whole packed job, as it was before. */
  lost: "-",
} as const;

/** The second element of the reply of enqueue.lua. */
export const ENQUEUE_REPLY = {
  late: 0,
  done: 1,
  payloadMissing: 2,
  /** As `done`, and there is work for flows. */
  work: 3,
} as const;

/** In the reply of enqueue.lua, a job that the call did not enqueue; the other jobs have their state code there. */
export const NOT_ENQUEUED = "-";

/** In the reply of update.lua, a job that is not as the caller read it, and was not changed. */
export const NOT_UPDATED = "-";

/** What settle.lua replies for each attempt. */
export const SETTLE_CODE = {
  done: "k",
  /** An earlier call settled it. */
  repeated: "d",
  /** The lease is not the caller's any more. */
  stale: "s",
  /** A cancellation came first: settle it as cancelled. */
  cancelRequested: "x",
} as const;

/** Why admit.lua puts a visit off. */
export const PUT_OFF_REASON = {
  none: 0,
  /** The host has as many visits as it may have. */
  full: 1,
  /** The host does not answer. */
  down: 2,
  /** The visits of the route fail. */
  failing: 3,
} as const;

/** In the arguments of find.lua: the set `ready:<type>` of each type. */
export const READY_SETS = "ready:*";

/** What an announced change begins with that is one of progress; other changes begin with a state code. */
export const PROGRESS_CHANGE = "p";

/** Ends each job in the reply of claim.lua; no line of a packed job contains it. */
export const END_OF_JOB = "\u001e";

/** In `schedule_ticks`, what the id of a job begins with; no name of a schedule begins so. */
export const SCHEDULE_JOB = "@";

/** The id of a visit of a destination; a number follows these columns. */
export const VISIT_ID = columnsOf({ replica: REPLICA_LENGTH, startedAt: TIME_DIGITS });

/** In the hash of a flow: what is not known of a node, or does not apply to it. */
export const UNSET = "-";

/** In the hash of a flow, the outcome of a node that was not needed; the other outcomes have state codes. */
export const SKIPPED = "k";

/** In the hash of a flow: why the jobs of a node are cancelled ({@link DoomCode}). A started node has a state code there. */
export const DOOM_CODE = { dependency_failed: "d", not_needed: "k", cancelled: "x" } as const;

/** In the hash of a flow: what a node has. */
export const NODE_KIND = { job: "j", batch: "b" } as const;

/** In the hash of a flow: the kind of a batch; others have none. */
export const KIND_BATCH = "b";

/** In the hash of a flow: {@link When}. */
export const WHEN_CODE = { succeeded: "s", failed: "f", ended: "e", first_failure: "1" } as const;

/** In the hash of a flow: why one node waits for another. */
export const EDGE_CODE = {
  /** The outcome decides whether it runs. */
  condition: "c",
  /** It starts after the other has ended, whatever the outcome. */
  order: "o",
  /** It starts when the first job of the other has failed. */
  firstFailure: "f",
} as const;

/** What the members of `flow_work` begin with; the id of the flow follows. */
export const WORK_CODE = {
  /** Continue what one call did not finish. */
  advance: "a",
  /** Cancel the jobs of a node that can no longer run; a space and the node's index follow. */
  doomed: "n",
  /** Store the flow's row, and forget it. */
  ended: "e",
  /** Cancel its jobs: somebody has cancelled it as a whole. */
  cancel: "x",
  /** Stop its running jobs: a node has failed, and `on_failure` is "stop". */
  stop: "s",
  /** Close a batch that nobody has closed. */
  close: "c",
  /** Cancel the jobs that were prepared for a retry which does not take place. */
  prepared: "p",
} as const;

/** In the argument of a new flow, in place of the time of a piece of work: a task that the call itself begins. */
export const TASK = "task";

/** In the reply of enqueue.lua: why jobs were not added to a batch or prepared, or why an ended flow does not run again. */
export const ADD_REPLY = { missing: "missing", closed: "closed", full: "full", running: "running" } as const;

/** Jobs of a batch, and how many calls may add some. */
export const MAX_BATCH = 1_000_000;
export const MAX_ADDITIONS = 10_000;
