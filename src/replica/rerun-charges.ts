/**
 * Charges reruns before they are enqueued: to the pace of their replay job, and to the quotas of the API key that
 * submitted it. The token buckets are in Redis, so all replicas and attempts share them. A rerun that was not enqueued
 * is refunded.
 */
import { tokenBucketName } from "../api/access/rate-limits.ts";
import { at } from "../core/at.ts";
import type { Payer } from "../core/job.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import type { Acted } from "../core/reruns.ts";
import type { Queue } from "../queue/queue.ts";
import type { TokenBucket, TokenRequest } from "../queue/token-buckets.ts";

/**
 * The reruns of a tenth of a second may start at once: more would exceed the pace for a moment, fewer would cost a call
 * each.
 */
const BURST_SHARE = 1 / 10;

/** The default quotas of a key; null for no quota. */
export interface Quotas {
  readonly jobs: RatePolicy | null;
  readonly bytes: RatePolicy | null;
}

export interface ChargedRerun {
  readonly id: string;
  /** The maximum of reruns per second. */
  readonly rate: number;
  /** Undefined if no key is charged. */
  readonly payer: Payer | undefined;
}

export interface Charged {
  /** How many of the reruns, from the first on, may be enqueued. */
  readonly granted: number;
  readonly wait?: NonNullable<Acted["wait"]>;
}

export class RerunCharges {
  readonly #queue: Pick<Queue, "take">;
  readonly #quotas: Quotas;

  constructor(queue: Pick<Queue, "take">, quotas: Quotas) {
    this.#queue = queue;
    this.#quotas = quotas;
  }

  /** Charges reruns with payloads of these sizes, in this order, until a bucket is empty. */
  async take(rerun: ChargedRerun, bytes: readonly number[]): Promise<Charged> {
    if (bytes.length === 0) return { granted: 0 };
    const answers = await this.#queue.take(bytes.map((size) => this.#takings(rerun, size, 1)));
    const granted = answers.findIndex((tokenBuckets) => tokenBuckets.some(({ suffices }) => !suffices));
    return granted === -1 ? { granted: bytes.length } : { granted, wait: waitOf(at(answers, granted)) };
  }

  /** Refunds reruns with payloads of these sizes. */
  async giveBack(rerun: ChargedRerun, bytes: readonly number[]): Promise<void> {
    if (bytes.length > 0) await this.#queue.take(bytes.map((size) => this.#takings(rerun, size, -1)));
  }

  /** The pace comes first. @param sign 1 to take tokens if any are left; -1 to refund them */
  #takings({ id, rate, payer }: ChargedRerun, bytes: number, sign: 1 | -1): TokenRequest[] {
    const needed = sign === 1 ? 1 : 0;
    const burst = burstOf(rate);
    const takings: TokenRequest[] = [
      { name: `replay:${id}`, policy: { quota: burst, windowMs: (1_000 * burst) / rate }, cost: sign, needed },
    ];
    const jobs = payer?.quota ?? this.#quotas.jobs;
    if (payer && jobs) takings.push({ name: tokenBucketName(payer.key, "jobs"), policy: jobs, cost: sign, needed });
    if (payer && this.#quotas.bytes)
      takings.push({
        name: tokenBucketName(payer.key, "bytes"),
        policy: this.#quotas.bytes,
        cost: sign * bytes,
        needed,
      });
    return takings;
  }
}

/** How many reruns a rate lets start at once. */
export function burstOf(rate: number): number {
  return Math.max(1, Math.floor(rate * BURST_SHARE));
}

function waitOf([pace, ...quotas]: readonly TokenBucket[]): NonNullable<Acted["wait"]> {
  const lacking = quotas.filter(({ suffices }) => !suffices).map(({ fitsInMs }) => fitsInMs);
  return lacking.length > 0 ? { for: "quota", ms: Math.max(...lacking) } : { for: "pace", ms: pace?.fitsInMs ?? 0 };
}
