/** The stage of one scenario: its cluster, load, clock and expectations. */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../src/testing/until.ts";
import type { JobBody } from "./client.ts";
import { call, submitOnce, submitUntilAccepted } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import type { Entry } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import type { Mix } from "./load.ts";
import { Load, MIXED } from "./load.ts";
import type { Pickup } from "./probes.ts";
import type { Random } from "./random.ts";
import type { SetSizes } from "./redis-view.ts";
import type { ReplicaProcess } from "./replica-process.ts";

/** `fast`: in the test command, with short leases. `full`: with the settings of a deployment. */
export type Pace = "fast" | "full";

export interface StageOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly pace: Pace;
  /** How long the fault lasts. */
  readonly seconds: number;
  readonly leaseMs: number;
  /** The number of jobs per type, in scenarios that count them. */
  readonly jobs?: number;
}

export interface AnySubmission {
  readonly type: string;
  readonly payload: object | ((key: string) => object);
  readonly [field: string]: unknown;
}

interface Expectation {
  readonly isSo: boolean;
  /** What is wrong if it is not so. */
  readonly otherwise: string;
}

const POLL_MS = 100;
const DEFAULT_JOBS = 1_000;

export class Stage {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly pace: Pace;
  readonly seconds: number;
  readonly leaseMs: number;
  readonly jobs: number;
  readonly ledger = new Ledger();
  /** Expectations that were not met. */
  readonly violations: string[] = [];
  /** Figures to print below the table. */
  readonly notes: string[] = [];
  /** The pickup latencies of other callers' jobs. */
  pickup: Pickup | undefined;
  #load: Load | undefined;
  #recoveryMs: number | undefined;
  #peakRss = 0;

  constructor({ cluster, random, pace, seconds, leaseMs, jobs = DEFAULT_JOBS }: StageOptions) {
    this.cluster = cluster;
    this.random = random;
    this.pace = pace;
    this.seconds = seconds;
    this.leaseMs = leaseMs;
    this.jobs = jobs;
  }

  get isFast(): boolean {
    return this.pace === "fast";
  }

  /**
   * Starts the load and resolves when it has jobs in every state.
   * @param jobsPerSecond at the full pace; the fast pace, at which other tests run concurrently, has half of it
   */
  async load(jobsPerSecond: number, mix: Mix = MIXED, warmUpMs = 1_000): Promise<void> {
    const { ledger, random, cluster } = this;
    this.#load = new Load({
      ledger,
      random,
      mix,
      jobsPerSecond: this.rateOf(jobsPerSecond),
      urlOf: cluster.urlOf,
      hookUrl: (key) => cluster.http.url(`/hook/${key}`),
    });
    this.#load.start();
    await delay(warmUpMs);
  }

  /** Converts a load of the full pace to this one. */
  rateOf(jobsPerSecond: number): number {
    return this.isFast ? jobsPerSecond / 2 : jobsPerSecond;
  }

  async stopLoad(): Promise<void> {
    await this.#load?.stop();
    this.#load = undefined;
  }

  /** Reports a violation unless the fact holds. */
  expect({ isSo, otherwise }: Expectation): void {
    if (!isSo) this.violations.push(otherwise);
  }

  /** The longest of the times that were measured from a fault to its end. */
  recovered(ms: number): void {
    this.#recoveryMs = Math.max(this.#recoveryMs ?? 0, ms);
  }

  get recoveryMs(): number | undefined {
    return this.#recoveryMs;
  }

  /** Samples the memory of the replicas while it waits. */
  async wait(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (performance.now() < deadline) {
      this.#peakRss = Math.max(this.#peakRss, ...this.cluster.alive.map((replica) => replica.rssBytes()));
      await delay(Math.min(POLL_MS, Math.max(1, deadline - performance.now())));
    }
  }

  /** The highest memory of any replica since the last call. */
  takePeakRss(): number {
    const peak = Math.max(this.#peakRss, ...this.cluster.alive.map((replica) => replica.rssBytes()));
    this.#peakRss = 0;
    return peak;
  }

  /** Submits one job once, in addition to the load; `payload` may depend on the key, which names its side effect. */
  async submit(submission: AnySubmission, url = this.cluster.urlOf()): Promise<Entry> {
    const [entry, body] = this.#open(submission);
    await submitOnce(url, entry, body);
    return entry;
  }

  /** Submits one job that the scenario needs, and repeats it while a busy machine rejects it. */
  async submitSurely(submission: AnySubmission): Promise<Entry> {
    const [entry, body] = this.#open(submission);
    await submitUntilAccepted(this.cluster.urlOf, entry, body);
    if (entry.state !== "accepted") throw new Error(`${submission.type} was not accepted: ${entry.detail}`);
    return entry;
  }

  #open({ payload, ...fields }: AnySubmission): [Entry, string] {
    const entry = this.ledger.open(fields.type);
    const body = {
      ...fields,
      payload: typeof payload === "function" ? (payload as (key: string) => object)(entry.key) : payload,
      tags: [entry.key],
    };
    return [entry, JSON.stringify(body)];
  }

  /** Submits one job and resolves to it when it has ended. */
  async outcome(submission: AnySubmission, withinMs = 60_000): Promise<JobBody> {
    const [job] = await this.ended([await this.submitSurely(submission)], withinMs);
    if (!job) throw new Error(`${submission.type} has no outcome`);
    return job;
  }

  /** Measures the time from now until a new job is accepted and done. */
  async measureRecovery(withinMs = 60_000): Promise<void> {
    const startedAt = performance.now();
    const what = "a new job is accepted and done";
    const entry = await until(
      async () => {
        const tried = await this.submit({ type: "noop", payload: {}, priority: 9 });
        return tried.state === "accepted" ? tried : undefined;
      },
      { what, timeoutMs: withinMs },
    );
    await this.ended([entry], withinMs);
    this.recovered(performance.now() - startedAt);
  }

  /** Resolves to these jobs, read from the API, when they have ended. */
  async ended(entries: readonly Entry[], withinMs = 60_000): Promise<JobBody[]> {
    const jobs: JobBody[] = [];
    for (const { id, key } of entries) {
      const look = async (): Promise<JobBody | undefined> => {
        const [replica] = this.cluster.alive as readonly (ReplicaProcess | undefined)[];
        const { body } = await call(`${replica?.url ?? ""}/api/v1/jobs/${id ?? ""}`, "GET");
        return typeof body["finished_at"] === "string" ? (body as unknown as JobBody) : undefined;
      };
      jobs.push(
        await until<JobBody | undefined>(look, { what: `job ${key} ${id ?? ""} has ended`, timeoutMs: withinMs }),
      );
    }
    return jobs;
  }

  /**
   * Waits until each accepted job has its record, because the sets of an emptied Redis do not show this.
   * The time from `since`, by `performance.now()`, is the recovery.
   */
  async acceptedAreRecorded(since: number, withinMs: number): Promise<void> {
    const ids = this.ledger.in("accepted").flatMap(({ id }) => id ?? []);
    while ((await this.cluster.postgres.countOf(ids)) < ids.length && performance.now() - since < withinMs)
      await this.wait(200);
    this.recovered(performance.now() - since);
  }

  /** Waits until the sizes of the sets satisfy a condition. */
  setSizesWhen(what: string, isSo: (setSizes: SetSizes) => boolean, withinMs = 60_000): Promise<SetSizes> {
    return until(
      async () => {
        const setSizes = await this.cluster.redis.setSizes();
        return isSo(setSizes) ? setSizes : undefined;
      },
      { what, timeoutMs: withinMs },
    );
  }
}
