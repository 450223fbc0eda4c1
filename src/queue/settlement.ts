/** Settlements: the arguments and the reply of settle.lua. */
import { encodeCounters, encodeLease, encodeTime, FIRST_COUNTERS } from "../core/header.ts";
import type { Callback } from "../core/job.ts";
import { encodeSubmission } from "../core/packed-job.ts";
import type { Counters, Verdict } from "../core/settle.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { OPCODE, SETTLE_CODE } from "./codes.ts";

/**
 * How long a replica owns its outcomes in the outbox: two default leases. A healthy replica records them within a
 * fraction of a second; after this time another replica takes over those of a dead one.
 */
export const OUTBOX_OWNED_MS = 30_000;

/** The state of a job after each verdict. A retry whose time has come is queued by the script. */
const STATE_AFTER = {
  completed: STATE_CODE.completed,
  failed: STATE_CODE.failed,
  cancelled: STATE_CODE.cancelled,
  retry: STATE_CODE.retrying,
  released: STATE_CODE.queued,
} as const satisfies Record<Verdict["kind"], string>;

/** The index of the argument that counts the arguments after it, up to the callbacks. */
const COUNT_AT = 3;

export interface Settlement extends Counters {
  readonly id: string;
  readonly type: string;
  readonly priority: number;
  /** Its payload is large. */
  readonly isLarge?: boolean;
  readonly claimSeq: number;
  /** Epoch ms; 0 if it is not known. */
  readonly startedAt: number;
  readonly verdict: Verdict["kind"];
  /** For a retry: epoch ms. */
  readonly runAt: number;
  /** The attempt's record, or "" for none. */
  readonly record: string;
  readonly callback?: Callback | undefined;
}

/**
 * done · repeated: an earlier call settled it · stale: the lease is not the caller's any more · cancelRequested: a
 * cancellation came first, settle it as cancelled
 */
export type SettleAnswer = keyof typeof SETTLE_CODE;

const ANSWER_OF = Object.fromEntries(
  Object.entries(SETTLE_CODE).map(([answer, code]) => [code, answer as SettleAnswer]),
) as Readonly<Record<(typeof SETTLE_CODE)[SettleAnswer], SettleAnswer>>;

/** @param codes the reply of settle.lua: one code for each settlement */
export function decodeSettleAnswers(codes: string): SettleAnswer[] {
  const answers: SettleAnswer[] = [];
  // A loop: Array.from takes 60 ns for each code.
  for (let i = 0; i < codes.length; i += 1)
    answers.push(ANSWER_OF[codes.charAt(i) as (typeof SETTLE_CODE)[SettleAnswer]]);
  return answers;
}

export function encodeSettlements(
  namespace: string,
  settlements: readonly Settlement[],
  replica: string,
  outboxOwnedMs: number,
): string[] {
  const args = [namespace, replica, String(outboxOwnedMs), ""];
  let typeBefore = "";
  let expectedBefore = "";
  let seqBefore = -1;
  let startedBefore = -1;
  let lease = "";
  for (const {
    id,
    type,
    priority,
    isLarge,
    claimSeq,
    startedAt,
    verdict,
    attempt,
    crashes,
    deferrals,
    runAt,
    record,
  } of settlements) {
    if (type !== typeBefore) args.push(OPCODE.common + type);
    typeBefore = type;
    if (claimSeq !== seqBefore || startedAt !== startedBefore) lease = encodeLease(startedAt, replica, claimSeq);
    seqBefore = claimSeq;
    startedBefore = startedAt;
    const after = STATE_AFTER[verdict];
    const waitsAgain = verdict === "retry" || verdict === "released";
    // The header in Redis is known for a first attempt that ended: it is sent once for all that follow.
    const expected =
      waitsAgain || attempt !== 1 || crashes !== 0 || deferrals !== 0
        ? ""
        : `${after}${STATE_CODE.running}${FIRST_COUNTERS}${lease}`;
    if (expected !== expectedBefore) args.push(OPCODE.expected + expected);
    expectedBefore = expected;
    if (waitsAgain) args.push(`${OPCODE.runAt}${encodeTime(runAt)}|${priority}${isLarge ? ">" : ""}`);
    const header = expected === "" ? `${after}${encodeCounters(attempt, crashes, deferrals)}${lease}` : "";
    args.push(`${id}${header}${record === "" ? "" : `\n${record}`}`);
  }
  args[COUNT_AT] = String(args.length - COUNT_AT - 1);
  settlements.forEach(({ callback }, index) => {
    if (callback)
      args.push(String(index), callback.id, callback.submission.type, encodeSubmission(callback.submission));
  });
  return args;
}
