/**
 * The queue's promises as a pure model: the verbs of Queue, on plain maps, without a clock. The passing of time is a
 * separate step (`letPass`): a lease runs out, a job is due, an outbox entry is overdue.
 */
import { at } from "../core/at.ts";
import type { Callback, Status } from "../core/job.ts";
import type { FreeSlots } from "../queue/claim.ts";
import type { Settlement } from "../queue/settlement.ts";
import { nextJobs, type Room } from "./model-claim.ts";
import type { ModelJob, ModelUpdate, NewJob } from "./model-job.ts";
import {
  AHEAD,
  byTurn,
  COUNT_OF,
  isPoisonCandidate,
  isUnclaimed,
  modelJob,
  notWaiting,
  PAST,
  tokenOf,
  VirtualTimes,
} from "./model-job.ts";

export interface NewSubmission {
  readonly jobs: readonly NewJob[];
  readonly key: string | null;
  readonly fingerprint: string;
}

export interface Handed {
  readonly id: string;
  readonly attempt: number;
  readonly crashes: number;
}

const byScore = (a: ModelJob, b: ModelJob): number => a.score - b.score || (a.id < b.id ? -1 : 1);

export class QueueModel {
  readonly jobs = new Map<string, ModelJob>();
  readonly counts = new Map<string, number>();
  readonly vtimes = new VirtualTimes();
  readonly #keys = new Map<string, { readonly fingerprint: string; readonly first: string }>();
  readonly #claims = new Map<
    string,
    { readonly seq: number; readonly handed: readonly { readonly id: string; readonly isLost: boolean }[] }
  >();

  /** The number of jobs with one lost lease that may run concurrently; undefined until one of them is lost again. */
  #together: number | undefined;

  in(...states: readonly Status[]): ModelJob[] {
    return [...this.jobs.values()].filter(({ state }) => states.includes(state)).sort(byScore);
  }

  /** The jobs of Redis's `ready:<type>`, next first. */
  ready(type: string): ModelJob[] {
    return this.in("queued")
      .filter((job) => job.type === type)
      .sort(byTurn);
  }

  /**
   * @param slots given where the caller has slots for all these jobs: the jobs that it leases at once are added to
   * `leased`
   */
  enqueue(
    submissions: readonly NewSubmission[],
    slots?: { readonly token: string; readonly leased: Handed[] },
  ): unknown[] {
    const waiting = new Set(this.in("queued").map(({ type }) => type));
    const isAnyDue = this.in("scheduled", "retrying").some(({ score }) => score === PAST);
    const add = (job: NewJob): void => {
      const made = this.#add(job, { isLeased: slots !== undefined && !isAnyDue && !waiting.has(job.type) });
      if (made?.state === "scheduled" && made.score === PAST) slots?.leased.push(this.#lease(made, slots.token));
    };
    return submissions.map(({ jobs, key, fingerprint }) => {
      const first = at(jobs, 0).id;
      const known = key === null ? undefined : this.#keys.get(key);
      if (known && known.first !== first)
        return { kind: known.fingerprint === fingerprint ? "replayed" : "conflict", firstId: known.first };
      if (key !== null) this.#keys.set(key, { fingerprint, first });
      if (!this.jobs.has(first)) jobs.forEach(add);
      return { kind: "enqueued" };
    });
  }

  claim(replica: string, seq: number, poisonCandidateSlots: number, free: FreeSlots) {
    const last = this.#claims.get(replica);
    if (last?.seq === seq) return this.#claimAgain(tokenOf(replica, seq), last.handed);
    for (const job of this.in("scheduled", "retrying").filter(({ score }) => score === PAST)) this.#makeReady(job);
    const expired = this.in("running").filter(({ score }) => score === PAST);
    const again = expired.filter(({ crashes }) => crashes > 0).length;
    if (again > 0) this.#together = Math.max(1, Math.floor((this.#together ?? again) / 2));
    const lost = expired.map((job) => this.#lease(job, tokenOf(replica, seq), { isLost: true }));
    const slots = { io: free.io, cpu: free.cpu };
    const claimed: Handed[] = [];
    let isMoreLeft = false;
    let poisonCandidates = poisonCandidateSlots;
    const room: Room = { ...(free.bytes ?? { free: Infinity, isUnused: true }), lostOnce: free.lostOnce ?? 0 };
    for (const { type, lane, slots: ofType } of free.types) {
      const before = claimed.length;
      const limit = before + Math.min(ofType, slots[lane]);
      const most = { jobs: limit - before, poisonCandidates, together: this.#together };
      for (const job of nextJobs(this.ready(type), most, room)) {
        if (isPoisonCandidate(job)) poisonCandidates -= 1;
        claimed.push(this.#take(job, tokenOf(replica, seq)));
      }
      slots[lane] -= claimed.length - before;
      isMoreLeft ||= claimed.length > before && this.ready(type).length > 0;
    }
    const handed = [
      ...lost.map(({ id }) => ({ id, isLost: true })),
      ...claimed.map(({ id }) => ({ id, isLost: false })),
    ];
    if (handed.length > 0) this.#claims.set(replica, { seq, handed });
    return { claimed, lost, isMoreLeft, nextDueAt: this.in("scheduled", "retrying")[0]?.score ?? 0 };
  }

  renew(
    replica: string,
    running: readonly { readonly id: string; readonly claimSeq: number; readonly progress: number | null }[],
  ): Map<string, string> {
    const stops = new Map<string, string>();
    for (const { id, claimSeq, progress } of running) {
      const job = this.jobs.get(id);
      if (job?.state !== "running" || job.token !== tokenOf(replica, claimSeq)) {
        stops.set(id, "lost");
        continue;
      }
      job.score = AHEAD;
      job.progress = progress === null ? "---" : String(progress).padStart(3, "0");
      if (job.isCancelRequested) stops.set(id, "cancelled");
    }
    return stops;
  }

  settle(replica: string, settlements: readonly Settlement[]): string[] {
    const answers = settlements.map((settlement) => this.#settle(tokenOf(replica, settlement.claimSeq), settlement));
    settlements.forEach(({ callback }, i) => {
      if (callback && answers[i] === "done") this.#addCallback(callback);
    });
    return answers;
  }

  cancel(cancellations: readonly { readonly id: string; readonly callback: Callback | undefined }[]): string[] {
    const answers = cancellations.map(({ id }) => {
      const job = this.jobs.get(id);
      const answer = notWaiting(job);
      if (job && answer === "running") job.isCancelRequested = true;
      if (!job || answer !== undefined) return answer ?? "missing";
      const wasReady = job.state === "queued";
      this.#move(job, "cancelled", AHEAD);
      if (wasReady) this.#clearVtimes(job);
      return "cancelled";
    });
    cancellations.forEach(({ callback }, i) => {
      if (callback && answers[i] === "cancelled") this.#addCallback(callback);
    });
    return answers;
  }

  update({ id, priority, size, dueAt }: ModelUpdate): string {
    const job = this.jobs.get(id);
    const answer = notWaiting(job);
    if (!job || answer !== undefined) return answer ?? "missing";
    if ((priority ?? job.priority) === job.priority && size === undefined && dueAt === undefined) return "unchanged";
    const leaves = job.state === "queued" && ((priority ?? job.priority) !== job.priority || (dueAt ?? PAST) !== PAST);
    const isDue = job.state === "queued" ? (dueAt ?? PAST) === PAST : dueAt === PAST;
    if (leaves) {
      this.#move(job, "scheduled", AHEAD);
      this.#clearVtimes(job);
    }
    Object.assign(job, { priority: priority ?? job.priority, size: size ?? job.size });
    if (job.state === "queued") job.score = this.vtimes.stay(job);
    else if (isDue) this.#makeReady(job);
    else if (dueAt !== undefined) this.#move(job, isUnclaimed(job) ? "scheduled" : "retrying", dueAt);
    return "updated";
  }

  run(id: string): string {
    return this.jobs.get(id)?.state === "queued" ? "unchanged" : this.update({ id, dueAt: PAST });
  }

  sweep(limit: number): string[] {
    const overdue = this.in("completed", "failed", "cancelled")
      .filter(({ score }) => score === PAST)
      .slice(0, limit);
    for (const job of overdue) job.score = AHEAD;
    return overdue.map(({ id }) => id);
  }

  /** Jobs that Postgres has stored: in the outbox, or forgotten before. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      const job = this.jobs.get(id);
      if (job) this.#count("recorded", job.type, 1);
      this.jobs.delete(id);
    }
  }

  /** The time of these jobs has come: a lease ran out, a scheduled job is due, an outbox entry is overdue. */
  letPass(jobs: readonly ModelJob[]): void {
    for (const job of jobs) job.score = PAST;
  }

  #claimAgain(token: string, handed: readonly { readonly id: string; readonly isLost: boolean }[]) {
    const claimed: Handed[] = [];
    const lost: Handed[] = [];
    for (const { id, isLost } of handed) {
      const job = this.jobs.get(id);
      if (job?.state === "running" && job.token === token) (isLost ? lost : claimed).push(handedOf(job));
    }
    return { claimed, lost, isMoreLeft: false, nextDueAt: 0 };
  }

  /** @returns the job, unless it existed; it becomes ready where its time has come, unless the caller leases it */
  #add(job: NewJob, { isLeased = false } = {}): ModelJob | undefined {
    if (this.jobs.has(job.id)) return undefined;
    const made = modelJob(job);
    this.jobs.set(job.id, made);
    this.#count("accepted", job.type, 1);
    this.#count("scheduled", job.type, 1);
    if (job.runAt === PAST && !isLeased) this.#makeReady(made);
    return made;
  }

  #addCallback({ id, submission: { type } }: Callback): void {
    this.#add({ id, type, priority: 5, group: "", tags: [], size: 0, runAt: PAST });
  }

  #makeReady(job: ModelJob): void {
    this.#move(job, "queued", this.vtimes.join(job));
  }

  #take(job: ModelJob, token: string): Handed {
    this.vtimes.take(job);
    const handed = this.#lease(job, token);
    this.#clearVtimes(job);
    return handed;
  }

  /** While only poison candidates wait, no group's virtual time is stored. */
  #clearVtimes(job: ModelJob): void {
    if (!this.ready(job.type).some((other) => other.priority === job.priority && !isPoisonCandidate(other)))
      this.vtimes.clear(job);
  }

  #lease(job: ModelJob, token: string, { isLost = false } = {}): Handed {
    if (isLost) job.crashes = Math.min(9, job.crashes + 1);
    else job.attempt += 1;
    job.progress = "---";
    job.token = token;
    this.#move(job, "running", AHEAD);
    return handedOf(job);
  }

  #settle(token: string, { id, verdict, attempt, crashes, deferrals, runAt }: Settlement): string {
    const job = this.jobs.get(id);
    if (job?.token !== token) return "stale";
    if (job.state !== "running") return "repeated";
    if (job.isCancelRequested && verdict !== "completed" && verdict !== "cancelled") return "cancelRequested";
    Object.assign(job, { attempt, crashes, deferrals });
    if (verdict === "retry") job.isAttempted = true;
    if (verdict === "completed" || verdict === "failed" || verdict === "cancelled") this.#move(job, verdict, AHEAD);
    else if (runAt !== PAST) this.#move(job, "retrying", runAt);
    else if (verdict === "retry") this.#makeReady(job);
    else this.#move(job, "queued", this.vtimes.front(job));
    return "done";
  }

  #move(job: ModelJob, state: Status, score: number): void {
    this.#count(COUNT_OF[job.state], job.type, -1);
    this.#count(COUNT_OF[state], job.type, 1);
    job.state = state;
    job.score = score;
  }

  #count(name: string, type: string, by: number): void {
    if (name !== "") this.counts.set(`${name}:${type}`, (this.counts.get(`${name}:${type}`) ?? 0) + by);
  }
}

function handedOf({ id, attempt, crashes }: ModelJob): Handed {
  return { id, attempt, crashes };
}
