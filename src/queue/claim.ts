/** A claim, as claim.lua takes and answers it. */
import { ID_LENGTH } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import type { Lane } from "../core/job-type.ts";
import {
  decodeJob,
  decodeSubmission,
  encodeSeq,
  HEAD_LENGTH,
  SUBMITTED_HEAD_LENGTH,
  unreadableJob,
} from "../core/packed-job.ts";
import type { Reply } from "./connection.ts";

/** What ends a job in an answer. */
const END_OF_JOB = "\u001e";
/** What a job begins with that is claimed for the first time, and one that was lost. */
const FIRST = 0x2b; // +
const LOST = 0x2d; // -

/** What can run on a replica right now; types that come first are served first. */
export interface FreeSlots {
  readonly io: number;
  readonly cpu: number;
  readonly types: readonly { readonly type: string; readonly lane: Lane; readonly slots: number }[];
  /** Bytes of large payloads that there is room for; where none is taken yet, the first job may have more. */
  readonly bytes?: { readonly free: number; readonly isUnused: boolean };
  /** Jobs that lost one lease and began here just now: with many, the next ones may have to wait. */
  readonly lostOnce?: number;
}

/** Who does not say has room for any. */
const ANY = { free: Number.MAX_SAFE_INTEGER, isUnused: true };

export interface ClaimRequest {
  readonly replica: string;
  readonly seq: number;
  readonly leaseMs: number;
  /** Epoch ms, Redis's: reached later, it changes nothing. */
  readonly notAfter: number;
  readonly poisonCandidateSlots: 0 | 1;
  readonly free: FreeSlots;
}

export interface Claim {
  readonly now: number;
  /** When the next scheduled job is due, epoch ms; 0 when none is planned. */
  readonly nextDueAt: number;
  /** There is more than one call could take: claim again at once. */
  readonly isMoreLeft: boolean;
  readonly claimed: readonly Job[];
  /** Jobs whose lease ran out, leased to the caller to be judged; `worker` is the replica that lost them. */
  readonly lost: readonly Job[];
  /** Jobs that this version of the program cannot read, as far as it can, leased to the caller to be failed. */
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
  const [now, nextDueAt, more, repeated, ...texts] = reply as [number, number, number, number, ...string[]];
  const isRepeat = repeated === 1;
  const lease = { replica, seq, now };
  const jobs = { claimed: [] as Job[], lost: [] as Job[], unreadable: [] as Job[] };
  for (const text of texts) {
    for (let at = 0, end = text.indexOf(END_OF_JOB); end !== -1; at = end + 1, end = text.indexOf(END_OF_JOB, at)) {
      const mark = text.charCodeAt(at);
      const id = text.slice(at + 1, at + 1 + ID_LENGTH);
      const jobText = text.slice(at + 1 + ID_LENGTH, end);
      try {
        // one at a time: what was written by another version holds up nobody else
        if (mark === FIRST) jobs.claimed.push(decodeSubmission(id, jobText, lease));
        else if (mark !== LOST) jobs.claimed.push(decodeJob(id, jobText, isRepeat ? undefined : lease));
        else {
          // One that was lost comes as it was, so that its record can name who lost it; the lease is the caller's now, under this claim.
          const job = decodeJob(id, jobText);
          jobs.lost.push(isRepeat ? job : { ...job, claimSeq: seq, crashes: Math.min(9, job.crashes + 1) });
        }
      } catch {
        jobs.unreadable.push(unreadableJob(id, jobText, mark === FIRST ? SUBMITTED_HEAD_LENGTH : HEAD_LENGTH, lease));
      }
    }
  }
  return { now, nextDueAt, isMoreLeft: more === 1, ...jobs };
}
