/**
 * Writes submissions into Postgres before Redis gets them (`durability: postgres`).
 *
 *   accept ─▶ waiting ─▶ one batch in COPY ─▶ committed | known (its key) | failed
 *                ▲ submissions that arrive meanwhile make the next batch
 *
 * The writer retries nothing, because the caller waits and must get an answer within two seconds. `store_unavailable`
 * means that nothing was changed; `outcome_unknown` that the COPY was in progress: if Postgres committed it, the
 * restore runs the job later (replica/maintenance/restore.ts).
 *
 * A row that the table has already counts as committed: a replay job that crashed before it enqueued its rerun submits
 * the same id again (replica/reruns.ts).
 *
 * Postgres, not Redis, decides which submission an Idempotency-Key belongs to, in the transaction that commits it: the
 * decision lasts as long as the row. So Postgres never commits a row whose job must not run, the restore need not check
 * keys, and a repeat is recognised even while Redis is empty.
 */
import { linger } from "../../concurrency/linger.ts";
import { batchLength } from "../../core/batch-limits.ts";
import type { Submission } from "../../core/job.ts";
import { encodeWhole } from "../../core/packed-job.ts";
import type { CodedError } from "../../errors.ts";
import { outageOf } from "../../observability/outage.ts";
import { reasonOf } from "../../observability/reason.ts";
import { failureOf } from "../../postgres/failure.ts";
import type { RecorderLog } from "../recorder/batch.ts";
import type { AcceptedFlow } from "./accepted-flows.ts";
import type { AcceptedRow, KnownKey } from "./connection.ts";
import { AcceptedConnection } from "./connection.ts";
import { flowRuns, isRejection, unavailable, unknown } from "./failure.ts";
import { addAcceptedPartitions } from "./partitions.ts";

/** How long a submission waits for its commit, in milliseconds. */
export const ACCEPT_TIMEOUT_MS = 2_000;
const TICK_MS = 100;
/** Makes fewer commits under load, and according to the benchmark (bench, durable) delays no answers. */
const LINGER_MS = 2;
/** The limit of characters in memory, for waiting submissions and the batch in progress. */
const MAX_CHARS = 64 * 1024 * 1024;
/** The limit of characters in a batch: Postgres takes about 100 ms for them. */
const BATCH_LIMITS = { maxItems: Number.POSITIVE_INFINITY, maxSize: 4 * 1024 * 1024 };
/**
 * A missing partition (at midnight: two), a repeat and a conflict may hit one batch; more failures have another cause.
 */
const MAX_TRIES = 5;

/** Jobs that Postgres commits all or none. */
export interface Acceptance {
  readonly jobs: readonly { readonly id: string; readonly submission: Submission }[];
  /** The flow that the jobs belong to, committed with them. */
  readonly flow?: AcceptedFlow | undefined;
  /** As for the queue: `key` includes its scope already. The answer to a repeat has `firstId`. */
  readonly idempotency?: {
    readonly key: string;
    readonly fingerprint: string;
    readonly ttlMs: number;
    readonly firstId: string;
  };
}

/**
 * known: an earlier submission with this key created the job `firstId`, from the same body or (a conflict) from
 * another; nothing was committed now.
 */
export type Accepted =
  | { readonly kind: "committed" }
  | { readonly kind: "known"; readonly firstId: string; readonly isSameBody: boolean }
  | { readonly kind: "failed"; readonly error: CodedError };

export type AcceptDone = (answer: Accepted) => void;

interface Pending {
  readonly acceptance: Acceptance;
  readonly rows: readonly AcceptedRow[];
  readonly flow: AcceptedFlow | undefined;
  readonly key: string | undefined;
  /** Of all rows of the submission. */
  readonly chars: number;
  readonly since: number;
  /** Undefined after its only call. */
  done: AcceptDone | undefined;
}

const COMMITTED: Accepted = { kind: "committed" };
const NONE: ReadonlySet<AcceptedFlow> = new Set();

/** What a batch has become. */
interface Written {
  readonly known: ReadonlyMap<string, KnownKey>;
  /** Retries of flows that did not take place. */
  readonly rejected: ReadonlySet<AcceptedFlow>;
}

export interface AcceptanceLogWriterOptions {
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly log: RecorderLog;
}

export class AcceptanceLogWriter {
  readonly #options: AcceptanceLogWriterOptions;
  readonly #connection: AcceptedConnection;
  readonly #waiting: Pending[] = [];
  #batch: readonly Pending[] = [];
  /** Whether any row of the batch may be in Postgres. */
  #isSent = false;
  #chars = 0;
  #loop: Promise<void> | undefined;
  #isClosed = false;
  #lastReason: string | undefined;

  constructor(options: AcceptanceLogWriterOptions) {
    this.#options = options;
    const onLockWait = (wait: string): void => options.log.warn({}, `submissions wait for a lock of Postgres: ${wait}`);
    this.#connection = new AcceptedConnection(options.databaseUrl, options.namespace, ACCEPT_TIMEOUT_MS, onLockWait);
  }

  /**
   * Commits the jobs with the next batch. Calls `done` exactly once, within {@link ACCEPT_TIMEOUT_MS} and a tick.
   */
  accept(acceptance: Acceptance, done: AcceptDone): void {
    if (this.#isClosed || this.#chars > MAX_CHARS) {
      done(
        failed(
          unavailable(this.#isClosed ? "this replica is shutting down" : "too many submissions wait for Postgres"),
        ),
      );
      return;
    }
    const rows = rowsOf(acceptance);
    const charsOfFlow = acceptance.flow ? JSON.stringify(acceptance.flow).length : 0;
    const chars = rows.reduce(
      (sum, { submission, data }) => sum + submission.length + (data?.length ?? 0),
      charsOfFlow,
    );
    this.#chars += chars;
    const { flow, idempotency } = acceptance;
    this.#waiting.push({ acceptance, rows, flow, key: idempotency?.key, chars, since: performance.now(), done });
    this.#loop ??= this.#run();
  }

  /** Resolves when all submissions are answered. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#loop;
    this.#connection.cut();
  }

  async #run(): Promise<void> {
    const ticker = setInterval(() => this.#expire(), TICK_MS);
    let before = 0;
    while (this.#waiting.length > 0) {
      await linger(before, LINGER_MS);
      this.#batch = this.#take();
      before = this.#batch.length;
      await this.#commit(this.#batch);
      for (const { chars } of this.#batch) this.#chars -= chars;
      this.#batch = [];
    }
    clearInterval(ticker);
    this.#loop = undefined;
  }

  #take(): readonly Pending[] {
    return this.#waiting.splice(
      0,
      batchLength(this.#waiting, BATCH_LIMITS, ({ chars }) => chars),
    );
  }

  /** Answers the submissions whose time is up. */
  #expire(): void {
    const expired = performance.now() - ACCEPT_TIMEOUT_MS;
    const reason = `Postgres has not answered within ${ACCEPT_TIMEOUT_MS} ms`;
    const count = this.#waiting.findIndex(({ since }) => since >= expired);
    for (const pending of this.#waiting.splice(0, count === -1 ? this.#waiting.length : count)) {
      this.#chars -= pending.chars;
      answer(pending, failed(unavailable(reason)));
    }
    const verdict = failed(this.#isSent ? unknown(new Error(reason), reason) : unavailable(reason));
    for (const pending of this.#batch) if (pending.since < expired) answer(pending, verdict);
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    try {
      await this.#connection.open();
    } catch (error) {
      this.#fail(batch, unavailable(outageOf(error), error));
      return;
    }
    const waiting = batch.filter(({ done }) => done !== undefined); // the others have their answer: nothing was changed
    if (waiting.length === 0) return;
    try {
      this.#isSent = true;
      const { known, rejected } = await this.#write(waiting);
      for (const pending of waiting) answer(pending, answerOf(pending.acceptance, known, rejected));
      if (this.#lastReason !== undefined) this.#options.log.info({}, "Postgres takes submissions again");
      this.#lastReason = undefined;
    } catch (error) {
      this.#fail(waiting, isRejection(error) ? unavailable(outageOf(error), error) : unknown(error));
    } finally {
      this.#isSent = false;
    }
  }

  async #write(batch: readonly Pending[]): Promise<Written> {
    const claims = batch
      .map(({ acceptance }) => acceptance.idempotency)
      .filter((idempotency) => idempotency !== undefined);
    let known: ReadonlyMap<string, KnownKey> = new Map();
    const admitted = (decided: typeof known): readonly Pending[] => {
      known = decided;
      return batch.filter(({ acceptance }) => answerOf(acceptance, decided) === COMMITTED);
    };
    const isPlain = claims.length === 0 && batch.every(({ flow }) => flow === undefined);
    let hasDuplicates = false;
    let rejected = NONE;
    for (let tries = 1; ; tries += 1) {
      try {
        if (hasDuplicates) rejected = await this.#connection.stageWithKeys(claims, admitted);
        else if (isPlain) await this.#connection.copy(batch);
        else rejected = await this.#connection.copyWithKeys(claims, admitted);
        return { known, rejected };
      } catch (error) {
        const issue = failureOf(error);
        if (tries === MAX_TRIES || issue === "bad_row" || issue === "away") throw error;
        if (issue === "duplicate") hasDuplicates = true;
        const ids = batch.flatMap(({ acceptance }) => acceptance.jobs.map(({ id }) => id));
        if (issue === "no_partition") await this.#connection.use((client) => addAcceptedPartitions(client, ids));
      }
    }
  }

  #fail(batch: readonly Pending[], error: CodedError): void {
    const reason = reasonOf(error.cause);
    // Logs each reason once, not for each batch: an outage may take hours.
    if (reason !== this.#lastReason)
      this.#options.log.warn(
        { error: reason },
        "submissions cannot be committed in Postgres: they are rejected until it takes them",
      );
    this.#lastReason = reason;
    for (const pending of batch) answer(pending, failed(error));
  }
}

function rowsOf({ jobs }: Acceptance): AcceptedRow[] {
  return jobs.map(({ id, submission }) => {
    const { text, data } = encodeWhole(submission);
    return { id, submission: text, data };
  });
}

function failed(error: CodedError): Accepted {
  return { kind: "failed", error };
}

function answer(pending: Pending, accepted: Accepted): void {
  const { done } = pending;
  pending.done = undefined;
  done?.(accepted);
}

function answerOf(
  { idempotency, flow }: Acceptance,
  known: ReadonlyMap<string, KnownKey>,
  rejected: ReadonlySet<AcceptedFlow> = NONE,
): Accepted {
  if (flow && rejected.has(flow)) return failed(flowRuns(flow.id));
  const first = idempotency && known.get(idempotency.key);
  if (!first || first.firstId === idempotency.firstId) return COMMITTED;
  return { kind: "known", firstId: first.firstId, isSameBody: first.fingerprint === idempotency.fingerprint };
}
