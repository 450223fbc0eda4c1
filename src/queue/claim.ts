/** A claim: the arguments and the reply of claim.lua. */

import { encodeSeq, HEADER_LENGTH, SUBMITTED_HEADER_LENGTH } from "../core/header.ts";
import { ID_LENGTH } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import type { Lane } from "../core/job-type.ts";
import { decodeJob, decodeSubmission, unreadableJob } from "../core/packed-job.ts";
import { CLAIM_CODE, END_OF_JOB } from "./codes.ts";
import type { Reply } from "./connection.ts";

const FIRST = CLAIM_CODE.first.charCodeAt(0);
const LOST = CLAIM_CODE.lost.charCodeAt(0);

/** The free slots of a replica. The claim serves types in this order. */
export interface FreeSlots {
  readonly io: number;
  readonly cpu: number;
  readonly types: readonly { readonly type: string; readonly lane: Lane; readonly slots: number }[];
  /** Bytes of large payloads that there is room for; while no room is used, the first job may have more. */
  readonly bytes?: { readonly free: number; readonly isUnused: boolean };
  /** Jobs that lost one lease and started here recently: after many, the next ones may have to wait. */
  readonly lostOnce?: number;
}

/** Room for any payload. */
const ANY = { free: Number.MAX_SAFE_INTEGER, isUnused: true };

export interface ClaimRequest {
  readonly replica: string;
  readonly seq: number;
  readonly leaseMs: number;
  /** Epoch ms, Redis's: later than that the call changes nothing. */
  readonly notAfter: number;
  readonly poisonCandidateSlots: 0 | 1;
  readonly free: FreeSlots;
}

export interface Claim {
  readonly now: number;
  /** When the next scheduled job is due, epoch ms; 0 when none is planned. */
  readonly nextDueAt: number;
  /** More jobs are left than one call can take: claim again at once. */
  readonly isMoreLeft: boolean;
  readonly claimed: readonly Job[];
  /** Jobs whose lease ran out, leased to the caller so that it settles them; `worker` is the replica that lost them. */
  readonly lost: readonly Job[];
  /** Jobs that this version cannot decode, as far as they are readable, leased to the caller so that it fails them. */
  readonly unreadable: readonly Job[];
}

export function encodeClaim(
  namespace: string,
  { replica, seq, leaseMs, notAfter, poisonCandidateSlots, free }: ClaimRequest,
): string[] {
  const { io, cpu, bytes = ANY, lostOnce = 0 } = free;
  const args = [
    namespace,
    replica,
    encodeSeq(seq),
    String(leaseMs),
    String(notAfter),
    String(poisonCandidateSlots),
    String(io),
    String(cpu),
  ];
  args.push(String(bytes.free), bytes.isUnused ? "1" : "0", String(lostOnce));
  for (const { type, lane, slots } of free.types) args.push(type, String(slots), lane);
  return args;
}

export function decodeClaim(reply: Reply, { replica, seq }: ClaimRequest): Claim {
  const [now, nextDueAt, more, repeated, ...chunks] = reply as [number, number, number, number, ...string[]];
  const isRepeat = repeated === 1;
  const lease = { replica, seq, now };
  const jobs = { claimed: [] as Job[], lost: [] as Job[], unreadable: [] as Job[] };
  for (const chunk of chunks) {
    for (let at = 0, end = chunk.indexOf(END_OF_JOB); end !== -1; at = end + 1, end = chunk.indexOf(END_OF_JOB, at)) {
      const code = chunk.charCodeAt(at);
      const id = chunk.slice(at + 1, at + 1 + ID_LENGTH);
      const packed = chunk.slice(at + 1 + ID_LENGTH, end);
      try {
        // one at a time: a job written by another version must not block the others
        if (code === FIRST) jobs.claimed.push(decodeSubmission(id, packed, lease));
        else if (code !== LOST) jobs.claimed.push(decodeJob(id, packed, isRepeat ? undefined : lease));
        else {
          // A lost job arrives as it was, so that its record can name the replica that lost it; this claim gave the
          // lease to the caller.
          const job = decodeJob(id, packed);
          jobs.lost.push(isRepeat ? job : { ...job, claimSeq: seq, crashes: Math.min(9, job.crashes + 1) });
        }
      } catch {
        jobs.unreadable.push(
          unreadableJob(id, packed, code === FIRST ? SUBMITTED_HEADER_LENGTH : HEADER_LENGTH, lease),
        );
      }
    }
  }
  return { now, nextDueAt, isMoreLeft: more === 1, ...jobs };
}
