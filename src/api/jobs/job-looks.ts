/** Looks at jobs that are shared by all who follow or await one: each job is read once, and many in one call. */
import type { JobView } from "../../core/job.ts";
import { viewOf, viewOfSubmission } from "../../core/job-view.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";
import { find } from "./find-job.ts";
import { SharedReads } from "./shared-reads.ts";

/** Headers are short; the bound keeps the call, and the turn that decodes them, short. */
const MAX_STATES = 200;
/** Each may have 16 MiB. */
const MAX_WHOLE = 16;
/** Larger results are left out of what is read of a finished job's state: who needs one reads the job. */
export const MAX_STATE_RESULT_LENGTH = 64 * 1024;

export interface JobState {
  /** Its payload is "", and its result null where it is longer than {@link MAX_STATE_RESULT_LENGTH}. */
  readonly view: JobView;
  readonly isResultOmitted: boolean;
  /** Epoch ms, Redis's: the snapshot includes all changes before this time. */
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
      return new Map(states.map((state) => [state.view.id, { ...state, takenAt: Infinity }])); // it changes no more
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

  /** A job's state, wherever it lives; undefined where there is none. @throws TaskFlowError where the part that may have it is away */
  async state(id: string): Promise<JobState | undefined> {
    const found = await find({
      inRedis: () => this.#live.get(id),
      inPostgres: () => this.#recorded.get(id),
      inAccepted: () => this.#accepted.get(id),
    });
    if (found?.place !== "accepted") return found && (found.place === "redis" ? found.live : found.row);
    return snapshotOf({ ...found.accepted, payload: "" }, 0); // it is put back into Redis at a time that nobody knows yet
  }

  /** As {@link state}, but with its payload and its result. */
  async whole(id: string): Promise<JobView | undefined> {
    const found = await find({
      inRedis: () => this.#liveWhole.get(id),
      inPostgres: () => this.#recordedWhole.get(id),
      inAccepted: () => this.#accepted.get(id),
    });
    if (!found) return undefined;
    return found.place === "redis" ? found.live : found.place === "postgres" ? found.row : found.accepted;
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
