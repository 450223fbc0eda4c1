/**
 * The counts of a batch of rows: by minute and type, and of its failures by hour, type, code and signature. The recorder
 * adds them to `job_series` and `error_groups` in the transaction that writes the rows.
 */
import { signatureOf } from "../../core/error-signature.ts";
import { count } from "../../core/histogram.ts";
import { timeOfId } from "../../core/id.ts";
import type { Outcome } from "../../core/job.ts";
import { storable } from "../../core/storable.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/time.ts";
import { GroupLimit } from "./group-limit.ts";

const MAX_EXAMPLES = 3;
/** The code of a failure without an error, which no current version records. */
const NO_CODE = "unknown";
/** In a record, the first of these keys is the record's own: quotes within its texts are escaped. */
const STARTED_AT = /"started_at":(\d+)/;

/** The counts of one minute and type. The names are those of taskflow_count_jobs (0023_queue_history.sql). */
interface MinuteCounts {
  /** Minutes since 1970. */
  readonly minute: number;
  readonly type: string;
  completed: number;
  failed: number;
  cancelled: number;
  retries: number;
  run_total_ms: number;
  readonly pickup: number[];
  readonly run: number[];
}

interface ErrorGroup {
  /** Hours since 1970. */
  readonly hour: number;
  readonly type: string;
  readonly code: string;
  readonly signature: string;
  count: number;
  /** Epoch ms. */
  first_seen: number;
  last_seen: number;
  readonly examples: string[];
}

export class BatchCounts {
  readonly #limit = new GroupLimit();
  readonly #minutes = new Map<string, MinuteCounts>();
  readonly #groups = new Map<string, ErrorGroup>();
  #latest: MinuteCounts | undefined;

  /** Starts a new batch. */
  begin(): void {
    this.#minutes.clear();
    this.#groups.clear();
    this.#latest = undefined;
  }

  /** @param outcome as its row is written */
  add(outcome: Outcome): void {
    const { job, status, attempt, startedAt, finishedAt } = outcome;
    const counts = this.#minuteOf(Math.floor(finishedAt / MINUTE_MS), job.type);
    counts[status] += 1;
    if (attempt > 1) counts.retries += attempt - 1;
    if (startedAt !== null) {
      count(counts.pickup, firstStartOf(outcome, startedAt) - Math.max(timeOfId(job.id), job.options.run_at ?? 0));
      count(counts.run, finishedAt - startedAt);
      counts.run_total_ms += Math.max(0, Math.floor(finishedAt) - Math.floor(startedAt)); // as the row has them
    }
    if (status === "failed") this.#addFailure(outcome);
  }

  /** The arguments of taskflow_count_jobs: JSON; null if the batch has no failures. */
  get json(): { readonly series: string; readonly errors: string | null } {
    return {
      series: JSON.stringify([...this.#minutes.values()]),
      errors: this.#groups.size === 0 ? null : JSON.stringify([...this.#groups.values()]),
    };
  }

  #minuteOf(minute: number, type: string): MinuteCounts {
    const latest = this.#latest;
    if (latest?.minute === minute && latest.type === type) return latest; // as most rows of a batch
    const key = `${minute} ${type}`;
    let counts = this.#minutes.get(key);
    if (counts === undefined) {
      counts = {
        minute,
        type,
        completed: 0,
        failed: 0,
        cancelled: 0,
        retries: 0,
        run_total_ms: 0,
        pickup: [],
        run: [],
      };
      this.#minutes.set(key, counts);
    }
    this.#latest = counts;
    return counts;
  }

  #addFailure({ job, error, finishedAt }: Outcome): void {
    const hour = Math.floor(finishedAt / HOUR_MS);
    const code = storable(error?.code ?? NO_CODE);
    const { type } = job;
    const group = this.#limit.groupOf(hour, { type, code, signature: signatureOf(error?.message ?? "") });
    const key = JSON.stringify([hour, group.type, group.code, group.signature]);
    const counts = this.#groups.get(key);
    if (counts === undefined) {
      const seen = { count: 1, first_seen: finishedAt, last_seen: finishedAt, examples: [job.id] };
      this.#groups.set(key, { hour, ...group, ...seen });
      return;
    }
    counts.count += 1;
    counts.first_seen = Math.min(counts.first_seen, finishedAt);
    counts.last_seen = Math.max(counts.last_seen, finishedAt);
    if (counts.examples.length < MAX_EXAMPLES) counts.examples.push(job.id);
  }
}

/** The start of the first attempt: in the first record that has one, or else of the last attempt. */
function firstStartOf({ records }: Outcome, lastStart: number): number {
  for (const record of records) {
    const start = STARTED_AT.exec(record)?.[1];
    if (start !== undefined) return Number(start);
  }
  return lastStart;
}
