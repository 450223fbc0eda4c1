/** Settlements, as settle.lua takes them. */
import type { Callback } from "../core/job.ts";
import { digits, encodeCounters, encodeSeq, encodeSubmission } from "../core/packed-job.ts";
import type { Counters } from "../core/settle.ts";

const STATE_AFTER = { c: "c", f: "f", x: "x", r: "t", l: "q" } as const;
const FIRST_COUNTERS = encodeCounters(1, 0, 0);
/** Where the number of arguments stands that follow it, up to the callbacks. */
const COUNT_AT = 3;

export interface Settlement extends Counters {
  readonly id: string;
  readonly type: string;
  readonly priority: number;
  /** Its payload is large. */
  readonly isLarge?: boolean;
  readonly claimSeq: number;
  /** Epoch ms; 0 where it is not known. */
  readonly startedAt: number;
  /** c(ompleted) f(ailed) x (cancelled) r(etry) l (released). */
  readonly verdict: "c" | "f" | "x" | "r" | "l";
  /** For a retry: epoch ms. */
  readonly runAt: number;
  /** One line of history, or "" where nothing is worth keeping. */
  readonly record: string;
  readonly callback?: Callback | undefined;
}

/** done · done by an earlier call · the lease is no longer ours · a cancellation came first: settle as cancelled. */
export type SettleAnswer = "k" | "d" | "s" | "x";

export function encodeSettlements(
  namespace: string,
  settlements: readonly Settlement[],
  replica: string,
  outboxOwnedMs: number,
): string[] {
  const args = [namespace, replica, String(outboxOwnedMs), ""];
  let typeBefore = "";
  let plainBefore = "";
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
    if (type !== typeBefore) args.push(`>${type}`);
    typeBefore = type;
    if (claimSeq !== seqBefore || startedAt !== startedBefore)
      lease = `0---${digits(startedAt, 13)}${replica}${encodeSeq(claimSeq)}`;
    seqBefore = claimSeq;
    startedBefore = startedAt;
    const waitsAgain = verdict === "r" || verdict === "l";
    // Of a first attempt that ended it is known what Redis holds: said once for all that follow.
    const plain =
      waitsAgain || attempt !== 1 || crashes !== 0 || deferrals !== 0 ? "" : `${verdict}r${FIRST_COUNTERS}${lease}`;
    if (plain !== plainBefore) args.push(`=${plain}`);
    plainBefore = plain;
    if (waitsAgain) args.push(`@${digits(runAt, 13)}${priority}${isLarge ? ">" : ""}`);
    const head = plain === "" ? `${STATE_AFTER[verdict]}${encodeCounters(attempt, crashes, deferrals)}${lease}` : "";
    args.push(`${id}${head}${record === "" ? "" : `\n${record}`}`);
  }
  args[COUNT_AT] = String(args.length - COUNT_AT - 1);
  settlements.forEach(({ callback }, index) => {
    if (callback)
      args.push(String(index), callback.id, callback.submission.type, encodeSubmission(callback.submission));
  });
  return args;
}
