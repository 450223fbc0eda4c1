/** The jobs that event streams of this replica follow; each job is looked at once for all its streams. */
import type { Change } from "../../queue/changes.ts";
import type { LogLines } from "../../queue/log-channel.ts";
import type { Beats } from "../http/beats.ts";
import type { FollowedJobOptions, JobFollower } from "./followed-job.ts";
import { FollowedJob } from "./followed-job.ts";

export interface FollowedJobsOptions extends Omit<FollowedJobOptions, "id"> {
  /** Triggers a look at each job once per period, in case a change was missed. */
  readonly beats: Beats;
}

export class FollowedJobs {
  readonly #options: FollowedJobsOptions;
  readonly #byId = new Map<string, FollowedJob>();

  constructor(options: FollowedJobsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  join(id: string, follower: JobFollower): FollowedJob {
    let job = this.#byId.get(id);
    if (!job) {
      job = new FollowedJob({ ...this.#options, id });
      this.#byId.set(id, job);
      this.#options.beats.add(job);
    }
    job.add(follower);
    return job;
  }

  leave(job: FollowedJob, follower: JobFollower): void {
    job.delete(follower);
    if (job.size > 0) return;
    job.close();
    this.#byId.delete(job.id);
    this.#options.beats.delete(job);
  }

  *take(changes: readonly Change[]): Generator<void> {
    for (const change of changes) {
      const job = this.#byId.get(change.id);
      if (job) yield* job.take(change);
    }
  }

  *takeLines(lines: LogLines): Generator<void> {
    const job = this.#byId.get(lines.id);
    if (job) yield* job.takeLines(lines);
  }

  *lookAtAll(): Generator<void> {
    for (const job of this.#byId.values()) {
      job.look();
      yield;
    }
  }
}
