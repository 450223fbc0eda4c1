/** Settlements: the arguments and the reply of settle.lua. */

import type { FlowMember } from "../core/flows/flow.ts";
import { encodeCounters, encodeLease, encodeTime, FIRST_COUNTERS } from "../core/header.ts";
import type { Callback } from "../core/job.ts";
import { encodeSubmission } from "../core/packed-job.ts";
import type { Counters, Verdict } from "../core/settle.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { OPCODE, SETTLE_CODE } from "./codes.ts";
import { CANCELLED, memberText } from "./flow-fields.ts";

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
  /** The flow that it belongs to. */
  readonly flow?: FlowMember | undefined;
  /** Of a member whose flow `keeps` it: its result, and its error; JSON. */
  readonly result?: string | undefined;
  readonly error?: string | undefined;
}

/** Results and errors above this stay out of Redis (characters; flow.lua counts bytes). */
const MAX_KEPT = 256 * 1024;

/**
 * done · repeated: an earlier call settled it · stale: the lease is not the caller's any more · cancelRequested: a
 * cancellation came first, settle it as cancelled
 */
export type SettleAnswer = keyof typeof SETTLE_CODE;

const ANSWER_OF = Object.fromEntries(
  Object.entries(SETTLE_CODE).map(([answer, code]) => [code, answer as SettleAnswer]),
) as Readonly<Record<(typeof SETTLE_CODE)[SettleAnswer], SettleAnswer>>;

/** Appends what the script needs of a job's flow. @returns the node that the next job is compared with */
function pushMember(args: string[], settlement: Settlement, before: string): string {
  const { flow } = settlement;
  const member = flow ? memberText(flow) : "";
  if (member !== before) args.push(OPCODE.member + member);
  const kept = flow?.keeps ? keptOf(settlement) : undefined;
  if (kept !== undefined) args.push(kept);
  return member;
}

/** What a flow keeps of a job that has ended, for others to refer to, as an argument; undefined for nothing. */
function keptOf({ verdict, result, error }: Settlement): string | undefined {
  if (verdict === "retry" || verdict === "released") return undefined;
  const [code, json] = verdict === "completed" ? ["r", result] : ["e", error ?? CANCELLED];
  // For one that is too large a mark is kept
  return json === undefined ? undefined : `${OPCODE.kept}${code}${json.length > MAX_KEPT ? "" : json}`;
}

/** @param codes the reply of settle.lua: one code for each settlement */
export function decodeSettleAnswers(codes: string): SettleAnswer[] {
  return Array.from(codes, (code) => ANSWER_OF[code as (typeof SETTLE_CODE)[SettleAnswer]]);
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
  let memberBefore = "";
  let seqBefore = -1;
  let startedBefore = -1;
  let lease = "";
  for (const settlement of settlements) {
    const {
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
      flow,
    } = settlement;
    if (type !== typeBefore) {
      args.push(OPCODE.common + type);
      memberBefore = "";
    }
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
    if (flow || memberBefore !== "") memberBefore = pushMember(args, settlement, memberBefore);
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
