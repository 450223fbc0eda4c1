/**
 * The working copies of schedules in Redis, and what is decided about their ticks.
 *
 *   waiting ──its time──▶ taken by a replica ──advance──▶ waiting for its next time
 *      ▲──────── the replica does not advance in time ◀──┘
 *
 * A decision replaces the state only while it is what the replica has read, in one script with the jobs and the history
 * that follow from it. So each tick is decided once, whichever replica dies. A job of durability `postgres` waits after
 * the decision until Postgres has committed it (`fire`), and a job that an earlier process of Redis may have enqueued
 * until Postgres was asked for its row; if its replica dies, another one takes it.
 */
import { batchLength } from "../core/batch-limits.ts";
import type { Submission } from "../core/job.ts";
import { decodeSubmission, encodeSubmission } from "../core/packed-job.ts";
import type {
  CopyChange,
  PendingRun,
  PendingRuns,
  ScheduleCopies,
  StateInRedis,
  WorkingCopy,
} from "../core/schedules/copies.ts";
import type { ScheduleRun, ScheduleState } from "../core/schedules/schedule.ts";
import { isEnded } from "../core/schedules/state.ts";
import { QueueUnavailable } from "../errors.ts";
import { SCHEDULE_JOB } from "./codes.ts";
import type { Reply } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { indexNames } from "./index-names.ts";
import { KnownCopies } from "./known-copies.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { Script } from "./scripts.ts";
import { scripts } from "./scripts.ts";

/** A replica decides within milliseconds; this is how long a dead one delays its ticks. */
const TAKE_MS = 2_000;
/**
 * Schedules of one script call, and their characters: together up to two milliseconds of Redis, in which jobs of others
 * wait. With half as many, a tick would cost a replica a fifth more, since its claims and settlements follow these calls.
 */
const CALL_LIMITS = { maxItems: 100, maxSize: 256 * 1024 };
/** How long a removed schedule cannot come back. A replica that was frozen for longer has lost its connections. */
const REMEMBERED_MS = 600_000;
/** How often a change is tried again because somebody else changed the schedule. */
const MAX_TRIES = 10;
const NEVER = "inf";

/** A schedule that somebody must look at now. */
export interface TakenSchedule extends StateInRedis {
  readonly copy: WorkingCopy;
  /** Whether the last job that it fired has not ended. */
  readonly lastJobLives: boolean;
}

/** A job that a schedule has fired. */
export interface ScheduleJob {
  readonly id: string;
  readonly submission: Submission;
}

/** A job of a decision. */
export interface FiredJob extends ScheduleJob {
  /** It waits for {@link RedisSchedules.fire}: Postgres must answer before it is enqueued. */
  readonly isHeld: boolean;
}

export interface Taken {
  /** Epoch ms, Redis's. */
  readonly now: number;
  /** How often the connection was established: after another time, the server may be another process. */
  readonly established: number;
  /** Epoch ms: when somebody must look next; null: never. */
  readonly next: number | null;
  /** How many schedules Redis has. */
  readonly total: number;
  readonly schedules: readonly TakenSchedule[];
  /** Jobs that wait for Postgres: pass them to {@link RedisSchedules.fire}. */
  readonly jobs: readonly ScheduleJob[];
}

/** A decision about a schedule. */
export interface Advance {
  readonly name: string;
  /** The text of its state, as it was taken. */
  readonly before: string;
  readonly state: ScheduleState;
  /** Epoch ms: when somebody must look at it again; null: never. */
  readonly lookAt: number | null;
  readonly runs: readonly ScheduleRun[];
  readonly jobs: readonly FiredJob[];
}

export interface RedisSchedulesParts {
  readonly ns: string;
  readonly connections: Pick<Connections, "submissions" | "work" | "reads" | "runTimed">;
  /** Jobs wait now. */
  readonly onEnqueued: () => void;
  readonly onError: (error: Error) => void;
}

export class RedisSchedules implements ScheduleCopies {
  readonly #parts: RedisSchedulesParts;
  readonly #copies = new KnownCopies();
  #onNext: (lookAt: number) => void = () => undefined;

  constructor(parts: RedisSchedulesParts) {
    this.#parts = parts;
  }

  /** @param onNext called when this replica learns that somebody must look at schedules then (epoch ms) */
  listen({ onNext }: { readonly onNext: (lookAt: number) => void }): void {
    this.#onNext = onNext;
  }

  /** Reads the time of the next look from the reply of sweep.lua. @returns the ids that follow it */
  readSwept([next, ...ids]: readonly string[]): readonly string[] {
    const lookAt = timeOf(next);
    if (lookAt !== null) this.#onNext(lookAt);
    return ids;
  }

  /** Takes what somebody must look at now. Nobody else gets it for two seconds. */
  async take(): Promise<Taken> {
    const args = [this.#parts.ns, String(TAKE_MS), String(CALL_LIMITS.maxItems), String(CALL_LIMITS.maxSize)];
    const reply = (await this.#parts.connections.runTimed(scripts.scheduleTake, args, CALL_TIMEOUT_MS)) as TakeReply;
    const [now, next, total, schedules, jobs] = reply;
    const taken = this.#readable(inRows(schedules, 3), ([name, text, lives]) => ({
      name: String(name),
      text: String(text),
      state: JSON.parse(String(text)) as ScheduleState,
      lastJobLives: lives === 1,
    }));
    await this.#readCopies(taken);
    return {
      now,
      established: this.#parts.connections.work.established,
      next: timeOf(next),
      total,
      schedules: taken.flatMap(({ name, ...one }) => {
        const copy = this.#copies.of(name, one.state);
        return copy ? [{ ...one, copy }] : [];
      }),
      jobs: this.#readable(inRows(jobs, 2), ([id, packed]) => ({
        id: String(id),
        submission: decodeSubmission(String(id), String(packed)),
      })),
    };
  }

  /**
   * Applies decisions. A job that is held is not enqueued, but waits for {@link fire}; its replica gets it with the next
   * {@link take}.
   * @returns for each whether it was applied: if not, somebody else has decided, or changed the schedule
   */
  async advance(advances: readonly Advance[]): Promise<readonly boolean[]> {
    const encoded = advances.map(encodeAdvance);
    const done = await this.#inParts(scripts.scheduleAdvance, [], encoded, (reply) => reply.slice(1));
    if (advances.some(({ jobs }, i) => jobs.length > 0 && done[i] === true)) this.#parts.onEnqueued();
    return done;
  }

  /**
   * Enqueues jobs that waited for Postgres, or drops those whose rows Postgres has already.
   * @param notAfter epoch ms, Redis's: later than that nothing changes
   * @throws QueueUnavailable if it was too late; otherwise as all calls of the queue
   */
  async fire(jobs: readonly (ScheduleJob & { readonly isRecorded: boolean })[], notAfter: number): Promise<void> {
    const encoded = jobs.map(({ id, isRecorded, submission }) => [id, isRecorded ? "" : "1", indexNames(submission)]);
    const args = [this.#parts.ns, String(notAfter), ...encoded.flat()];
    const isInTime = await this.#parts.connections.submissions.run(scripts.scheduleFire, args, CALL_TIMEOUT_MS);
    if (isInTime !== 1) throw new QueueUnavailable("the jobs of schedules came too late to Redis; nothing was changed");
    this.#parts.onEnqueued();
  }

  /** The submission of a job that waits for Postgres; undefined if it does not, or no longer. */
  async waiting(id: string): Promise<Submission | undefined> {
    const packed = await this.#send("hget", "schedule_jobs", id);
    return typeof packed === "string" ? decodeSubmission(id, packed) : undefined;
  }

  async read(names: readonly string[]): Promise<readonly (StateInRedis | undefined)[]> {
    if (names.length === 0) return [];
    const texts = (await this.#send("hmget", "schedule_states", ...names)) as readonly (string | null)[];
    return texts.map((text) => (text === null ? undefined : { text, state: JSON.parse(text) as ScheduleState }));
  }

  async put(changes: readonly CopyChange[]): Promise<readonly boolean[]> {
    const encoded = changes.map(({ copy: { name, ...copy }, before = "", state, lookAt }) => {
      const idBefore = before === "" ? "" : (JSON.parse(before) as ScheduleState).id;
      return [name, before, copy.id, idBefore, JSON.stringify(copy), JSON.stringify(state), timeText(lookAt)];
    });
    const done = await this.#inParts(scripts.schedulePut, [String(REMEMBERED_MS)], encoded, (reply) => reply);
    changes.forEach(({ copy }, i) => done[i] === true && this.#copies.add(copy));
    const times = changes.flatMap(({ lookAt }, i) => (done[i] === true && lookAt !== null ? [lookAt] : []));
    if (times.length > 0) this.#onNext(times.reduce((a, b) => Math.min(a, b)));
    return done;
  }

  async remove(schedules: readonly { readonly name: string; readonly id: string }[]): Promise<void> {
    let left = schedules;
    for (let tries = 0; left.length > 0; tries += 1) {
      if (tries === MAX_TRIES) throw new QueueUnavailable("the schedule changes too often to be removed");
      const states = await this.read(left.map(({ name }) => name));
      const encoded = left.map(({ name, id }, i) => [
        name,
        states[i]?.text ?? "",
        id,
        states[i]?.state.id === id ? "1" : "",
      ]);
      const done = await this.#inParts(scripts.scheduleRemove, [String(REMEMBERED_MS)], encoded, (reply) => reply);
      left = left.filter((_, i) => done[i] === false);
    }
  }

  async due(now: number, limit: number): Promise<readonly string[]> {
    const args = [`${this.#parts.ns}schedule_ticks`, "-inf", String(now + TAKE_MS), "LIMIT", "0", String(limit)];
    const reply = await this.#parts.connections.reads.send("zrangebyscore", args, CALL_TIMEOUT_MS);
    const members = reply as readonly string[];
    return members.filter((member) => !member.startsWith(SCHEDULE_JOB));
  }

  async pendingRuns(limit: number): Promise<PendingRuns> {
    const args = [`${this.#parts.ns}pending_runs`, "0", String(limit - 1)];
    const texts = (await this.#parts.connections.reads.send("lrange", args, CALL_TIMEOUT_MS)) as readonly string[];
    return { runs: texts.map((text) => JSON.parse(text) as PendingRun), texts };
  }

  async acknowledge(texts: readonly string[]): Promise<void> {
    const [oldest, newest] = [texts[0], texts.at(-1)];
    if (oldest === undefined || newest === undefined) return;
    const args = [this.#parts.ns, oldest, newest, String(texts.length)];
    await this.#parts.connections.work.run(scripts.scheduleAcknowledge, args, CALL_TIMEOUT_MS);
  }

  async isLoaded(): Promise<boolean> {
    return (await this.#send("exists", "schedules_loaded")) === 1;
  }

  async startLoading(token: string): Promise<void> {
    await this.#send("set", "schedules_loading", token);
  }

  async finishLoading(token: string): Promise<void> {
    await this.#parts.connections.work.run(scripts.scheduleLoaded, [this.#parts.ns, token], CALL_TIMEOUT_MS);
  }

  /** Reads the copies that this replica does not know. One that somebody replaces meanwhile is left out: its state changes. */
  async #readCopies(taken: readonly { readonly name: string; readonly state: ScheduleState }[]): Promise<void> {
    const names = taken.filter(({ name, state }) => !this.#copies.of(name, state)).map(({ name }) => name);
    if (names.length === 0) return;
    const copies = (await this.#send("hmget", "schedules", ...names)) as readonly Reply[];
    const rows = names.flatMap((name, i) => (typeof copies[i] === "string" ? [[name, copies[i]]] : []));
    for (const copy of this.#readable(rows, ([name, json]) => readCopy(String(name), String(json))))
      this.#copies.add(copy);
  }

  /** Reports what another program has damaged, and goes on with the others. */
  #readable<Value>(rows: readonly (readonly Reply[])[], read: (row: readonly Reply[]) => Value): Value[] {
    const values: Value[] = [];
    for (const row of rows) {
      try {
        values.push(read(row));
      } catch (error) {
        this.#parts.onError(new Error(`${String(row[0])} of the schedules cannot be read`, { cause: error }));
      }
    }
    return values;
  }

  #send(command: string, key: string, ...args: readonly string[]): Promise<Reply> {
    return this.#parts.connections.work.send(command, [this.#parts.ns + key, ...args], CALL_TIMEOUT_MS);
  }

  /** Runs a script for the arguments of many schedules, in calls of bounded size. @returns for each whether it was done */
  async #inParts(
    script: Script,
    common: readonly string[],
    encoded: readonly (readonly string[])[],
    doneOf: (reply: readonly Reply[]) => readonly Reply[],
  ): Promise<readonly boolean[]> {
    const done: boolean[] = [];
    while (done.length < encoded.length) {
      const left = encoded.slice(done.length);
      const part = left.slice(
        0,
        batchLength(left, CALL_LIMITS, (args) => args.reduce((sum, { length }) => sum + length, 0)),
      );
      const args = [this.#parts.ns, ...common, ...part.flat()];
      const reply = await this.#parts.connections.submissions.run(script, args, CALL_TIMEOUT_MS);
      done.push(...doneOf(reply as readonly Reply[]).map((code) => code === 1));
    }
    return done;
  }
}

type TakeReply = readonly [number, string, number, readonly Reply[], readonly Reply[]];

function readCopy(name: string, json: string): WorkingCopy {
  const { id, version, revision, definition, apiKey } = JSON.parse(json) as Omit<WorkingCopy, "name">;
  return { name, id, version, revision, definition, apiKey };
}

/** A time as the scripts reply it; null for none. */
function timeOf(score: Reply | undefined): number | null {
  const time = Number(score);
  return score === "" || !Number.isFinite(time) ? null : time;
}

function timeText(lookAt: number | null): string {
  return lookAt === null || !Number.isFinite(lookAt) ? NEVER : String(lookAt);
}

function inRows(values: readonly Reply[], columns: number): (readonly Reply[])[] {
  return Array.from({ length: values.length / columns }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

function encodeAdvance({ name, before, state, lookAt, runs, jobs }: Advance): readonly string[] {
  const args = [name, before, JSON.stringify(state), timeText(lookAt), String(runs.length), String(jobs.length)];
  runs.forEach((run, i) => {
    const pending: PendingRun = i === runs.length - 1 && isEnded(state) ? { ...run, isLast: true } : run;
    args.push(JSON.stringify(pending));
  });
  for (const { id, submission, isHeld } of jobs)
    args.push(id, indexNames(submission), encodeSubmission(submission), isHeld ? "1" : "");
  return args;
}
