/** The jobs that are leased to this replica, from claim to settle. */
import { at } from "../core/at.ts";
import { encodeProgress, encodeSeq } from "../core/header.ts";
import type { Job } from "../core/job.ts";
import { savedLine } from "../core/saved-state.ts";
import type { Claim, FreeSlots } from "./claim.ts";
import { decodeClaim, encodeClaim } from "./claim.ts";
import type { RedisClock } from "./clock.ts";
import type { Connections } from "./connections.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { QueueOptions } from "./queue-options.ts";
import { CALL_TIMEOUT_MS, MIN_ALIVE_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";
import type { SettleAnswer, Settlement } from "./settlement.ts";
import { decodeSettleAnswers, encodeSettlements } from "./settlement.ts";

/** Short, as nothing depends on this call, and it is the last one of a drain. */
const LEAVE_TIMEOUT_MS = 500;

export interface LeasedJobsParts {
  readonly ns: string;
  readonly clock: RedisClock;
  readonly connections: Connections;
  readonly payloads: PayloadStore;
  readonly options: Pick<QueueOptions, "replica" | "leaseMs">;
  /** A script has left work for flows. */
  readonly onFlowWork: () => void;
}

export class LeasedJobs {
  readonly #parts: LeasedJobsParts;

  constructor(parts: LeasedJobsParts) {
    this.#parts = parts;
  }

  async claim(seq: number, poisonCandidateSlots: 0 | 1, free: FreeSlots): Promise<Claim> {
    const { ns, clock, connections, options } = this.#parts;
    const { replica, leaseMs } = options;
    const request = { replica, leaseMs, seq, notAfter: clock.now() + CALL_TIMEOUT_MS, poisonCandidateSlots, free };
    const args = encodeClaim(ns, request);
    return decodeClaim(await connections.runTimed(scripts.claim, args, CALL_TIMEOUT_MS), request);
  }

  async renew(
    running: Iterable<{ readonly id: string; readonly claimSeq: number; readonly progress: number | null }>,
    about: string,
  ): Promise<Map<string, "lost" | "cancelled">> {
    const { ns, connections, options } = this.#parts;
    const { replica, leaseMs } = options;
    const args = [ns, replica, String(leaseMs), String(Math.max(leaseMs, MIN_ALIVE_MS)), about];
    for (const { id, claimSeq, progress } of running)
      args.push(id, encodeSeq(claimSeq), encodeProgress(progress === null ? null : Math.round(progress)));
    const reply = await connections.runTimed(scripts.renew, args, CALL_TIMEOUT_MS);
    const [, ...stops] = reply as [number, ...string[]];
    const answer = new Map<string, "lost" | "cancelled">();
    for (let i = 0; i < stops.length; i += 2) answer.set(at(stops, i), at(stops, i + 1) as "lost" | "cancelled");
    return answer;
  }

  async reportProgress(
    running: readonly { readonly id: string; readonly claimSeq: number; readonly progress: number }[],
  ): Promise<void> {
    const { ns, connections, options } = this.#parts;
    const args = [ns, options.replica];
    for (const { id, claimSeq, progress } of running) args.push(id, encodeSeq(claimSeq), encodeProgress(progress));
    await connections.work.run(scripts.progress, args, CALL_TIMEOUT_MS);
  }

  async save(job: Pick<Job, "id" | "claimSeq" | "attempt" | "worker" | "startedAt">, state: string): Promise<boolean> {
    const { ns, clock, connections, options } = this.#parts;
    const args = [ns, options.replica, job.id, encodeSeq(job.claimSeq), savedLine(job, state, clock.now())];
    return (await connections.work.run(scripts.save, args, CALL_TIMEOUT_MS)) === 1;
  }

  async settle(settlements: readonly Settlement[], outboxOwnedMs: number): Promise<SettleAnswer[]> {
    const { ns, connections, payloads, options, onFlowWork } = this.#parts;
    await payloads.putAll(settlements.map(({ callback }) => callback));
    const args = encodeSettlements(ns, settlements, options.replica, outboxOwnedMs);
    const [, codes, hasWork] = (await connections.runTimed(scripts.settle, args, CALL_TIMEOUT_MS)) as [
      number,
      string,
      number?,
    ];
    if (hasWork) onFlowWork();
    return decodeSettleAnswers(codes);
  }

  async leave(): Promise<void> {
    const { ns, connections, options } = this.#parts;
    try {
      await connections.work.send("del", [`${ns}replica:${options.replica}`], LEAVE_TIMEOUT_MS);
    } catch {
      // Redis is away: the others notice the silence
    }
  }
}
