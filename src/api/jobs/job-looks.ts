/** Reads of jobs that all followers and waiters share: each job is read once, and many jobs in one call. */
import type { JobView } from "../../core/job.ts";
import { viewOf, viewOfSubmission } from "../../core/job-view.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";
import { find } from "./find-job.ts";
import { SharedReads } from "./shared-reads.ts";

/** Bounds the duration of a call, and of the turn that decodes the headers. */
const MAX_STATES = 200;
/** A whole job may have 16 MiB. */
const MAX_WHOLE = 16;
/** Larger results are omitted from the state of a finished job. */
const MAX_STATE_RESULT_LENGTH = 64 * 1024;

export interface JobState {
  /** Its payload is ""; its result is null if it is longer than {@link MAX_STATE_RESULT_LENGTH}. */
  readonly view: JobView;
  readonly isResultOmitted: boolean;
  /** The snapshot includes all changes before this time: epoch ms of Redis's clock. */
  readonly takenAt: number;
}

export interface JobLooksOptions {
  readonly queue: Pick<Queue, "read" | "readHeaders" | "time">;
  readonly store: Pick<Store, "get" | "states" | "accepted">;
}

export class JobLooks {
  readonly #live: SharedReads<JobState>;
  readonly #recorded: SharedReads<JobState>;
  readonly #liveWhole: SharedReads<JobView>;
  readonly #recordedWhole: SharedReads<JobView>;
  readonly #accepted: SharedReads<JobView>;

  constructor({ queue, store }: JobLooksOptions) {
    this.#live = new SharedReads(async (ids) => {
      const takenAt = await queue.time();
      const headers = await queue.readHeaders(ids);
      return new Map(headers.map((job) => [job.id, snapshotOf(viewOf({ ...job, payload: "" }), takenAt)]));
    }, MAX_STATES);
    this.#recorded = new SharedReads(async (ids) => {
      const states = await store.states(ids, MAX_STATE_RESULT_LENGTH);
      // A finished job does not change.
      return new Map(states.map((state) => [state.view.id, { ...state, takenAt: Infinity }]));
    }, MAX_STATES);
    this.#liveWhole = new SharedReads(
      async (ids) => new Map((await queue.read(ids)).map((job) => [job.id, viewOf(job)])),
      MAX_WHOLE,
    );
    this.#recordedWhole = oneByOne((id) => store.get(id));
    this.#accepted = oneByOne(async (id) => {
      const accepted = await store.accepted(id);
      return accepted && viewOfSubmission(id, accepted);
    });
  }

  /**
   * The state of a job; undefined if there is none.
   * @throws CodedError if a source that may have the job is unavailable
   */
  async state(id: string): Promise<JobState | undefined> {
    const found = await find({
      inRedis: () => this.#live.get(id),
      inPostgres: () => this.#recorded.get(id),
      inAccepted: () => this.#accepted.get(id),
    });
    if (found?.source !== "accepted") return found && (found.source === "redis" ? found.live : found.row);
    // It is not in Redis yet: any change comes after this snapshot.
    return snapshotOf({ ...found.accepted, payload: "" }, 0);
  }

  /** As {@link state}, but with its payload and its result. */
  async whole(id: string): Promise<JobView | undefined> {
    const found = await find({
      inRedis: () => this.#liveWhole.get(id),
      inPostgres: () => this.#recordedWhole.get(id),
      inAccepted: () => this.#accepted.get(id),
    });
    if (!found) return undefined;
    return found.source === "redis" ? found.live : found.source === "postgres" ? found.row : found.accepted;
  }
}

function snapshotOf(view: JobView, takenAt: number): JobState {
  const isResultOmitted = view.result !== null && view.result.length > MAX_STATE_RESULT_LENGTH;
  return { view: isResultOmitted ? { ...view, result: null } : view, isResultOmitted, takenAt };
}

function oneByOne(read: (id: string) => Promise<JobView | undefined>): SharedReads<JobView> {
  return new SharedReads(async ([id = ""]) => {
    const view = await read(id);
    return new Map(view ? [[id, view]] : []);
  }, 1);
}
