/**
 * What the copies of a replay take, before they are enqueued: from its pace, and from the quotas of the key that it came with. The allowances are
 * Redis's, so they hold over all replicas and attempts; what was taken for a copy that then was not made is given back.
 */
import { tokenBucketName } from "../api/access/rate-limits.ts";
import type { Payer } from "../core/job.ts";
import type { RatePolicy } from "../core/rate-policy.ts";
import type { Acted } from "../core/reruns.ts";
import type { Queue } from "../queue/queue.ts";
import type { TokenBucket, TokenRequest } from "../queue/token-buckets.ts";

/** A tenth of a second's copies may come at once: more would be no pace, and fewer a call for each. */
const BURST_SHARE = 1 / 10;

/** Of keys that have none of their own; null where none holds. */
export interface Quotas {
  readonly jobs: RatePolicy | null;
  readonly bytes: RatePolicy | null;
}

export interface ChargedRerun {
  readonly id: string;
  /** Copies a second at most. */
  readonly rate: number;
  /** Undefined where nobody pays. */
  readonly payer: Payer | undefined;
}

export interface Charged {
  /** The first so many may be made. */
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

  /** Takes for copies with payloads of these sizes, one after the other, as far as there is something left for each. */
  async take(rerun: ChargedRerun, bytes: readonly number[]): Promise<Charged> {
    if (bytes.length === 0) return { granted: 0 };
    const answers = await this.#queue.take(bytes.map((size) => this.#takings(rerun, size, 1)));
    const granted = answers.findIndex((tokenBuckets) => tokenBuckets.some(({ suffices }) => !suffices));
    return granted === -1 ? { granted: bytes.length } : { granted, wait: waitOf(answers[granted] ?? []) };
  }

  /** Gives back what was taken for such copies. */
  async giveBack(rerun: ChargedRerun, bytes: readonly number[]): Promise<void> {
    if (bytes.length > 0) await this.#queue.take(bytes.map((size) => this.#takings(rerun, size, -1)));
  }

  /** The pace stands first. @param sign 1 to take, where anything is left; -1 to give back */
  #takings({ id, rate, payer }: ChargedRerun, bytes: number, sign: 1 | -1): TokenRequest[] {
    const needed = sign === 1 ? 1 : 0;
    const burst = Math.max(1, Math.floor(rate * BURST_SHARE));
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

function waitOf([pace, ...quotas]: readonly TokenBucket[]): NonNullable<Acted["wait"]> {
  const lacking = quotas.filter(({ suffices }) => !suffices).map(({ fitsInMs }) => fitsInMs);
  return lacking.length > 0 ? { for: "quota", ms: Math.max(...lacking) } : { for: "pace", ms: pace?.fitsInMs ?? 0 };
}
