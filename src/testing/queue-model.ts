/**
 * What the queue promises, as a pure model: the same verbs as Queue, on plain maps, without a clock. What time does in
 * Redis is a step of its own here (`letPass`): a lease runs out, a job is due, an outbox entry is overdue.
 */
import type { Callback } from "../core/job.ts";
import type { FreeSlots } from "../queue/claim.ts";
import type { Settlement } from "../queue/settlement.ts";
import type { ModelJob, NewJob, State } from "./model-job.ts";
import { AHEAD, byTurn, FairTags, isPoisonCandidate, modelJob, PAST, tokenOf } from "./model-job.ts";

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

const COUNT_OF: Readonly<Record<State, string>> = {
  q: "",
  s: "scheduled",
  t: "retrying",
  r: "running",
  c: "completed",
  f: "failed",
  x: "cancelled",
};
const byScore = (a: ModelJob, b: ModelJob): number => a.score - b.score || (a.id < b.id ? -1 : 1);

export class QueueModel {
  readonly jobs = new Map<string, ModelJob>();
  readonly counts = new Map<string, number>();
  readonly tags = new FairTags();
  readonly #keys = new Map<string, { readonly fingerprint: string; readonly first: string }>();
  readonly #claims = new Map<
    string,
    { readonly seq: number; readonly handed: readonly { readonly id: string; readonly isLost: boolean }[] }
  >();

  /** Of the jobs that lost one lease, how many may begin at once; undefined before one of them was lost again. */
  #together: number | undefined;

  in(...states: readonly State[]): ModelJob[] {
    return [...this.jobs.values()].filter(({ state }) => states.includes(state)).sort(byScore);
  }

  /** What Redis's `ready:<type>` holds, next first. */
  ready(type: string): ModelJob[] {
    return this.in("q")
      .filter((job) => job.type === type)
      .sort(byTurn);
  }

  /** @param slots where the caller has some for all these jobs: what it leases at once is added to `leased` */
  enqueue(
    submissions: readonly NewSubmission[],
    slots?: { readonly token: string; readonly leased: Handed[] },
  ): unknown[] {
    const waiting = new Set(this.in("q").map(({ type }) => type));
    const isAnyDue = this.in("s", "t").some(({ score }) => score === PAST);
    const add = (job: NewJob): void => {
      const made = this.#add(job, slots !== undefined && !isAnyDue && !waiting.has(job.type));
      if (made?.state === "s" && made.score === PAST) slots?.leased.push(this.#lease(made, slots.token, false));
    };
    return submissions.map(({ jobs, key, fingerprint }) => {
      const first = jobs[0]?.id ?? "";
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
    for (const job of this.in("s", "t").filter(({ score }) => score === PAST)) this.#makeReady(job);
    const expired = this.in("r").filter(({ score }) => score === PAST);
    const again = expired.filter(({ crashes }) => crashes > 0).length;
    if (again > 0) this.#together = Math.max(1, Math.floor((this.#together ?? again) / 2));
    const lost = expired.map((job) => this.#lease(job, tokenOf(replica, seq), true));
    const slots = { io: free.io, cpu: free.cpu };
    const claimed: Handed[] = [];
    let isMoreLeft = false;
    let poisonCandidates = poisonCandidateSlots;
    const room = { ...(free.bytes ?? { free: Infinity, isUnused: true }), lostOnce: free.lostOnce ?? 0 };
    for (const { type, lane, slots: ofType } of free.types) {
      const before = claimed.length;
      const limit = before + Math.min(ofType, slots[lane]);
      for (const job of this.#next(type, limit - before, poisonCandidates, room)) {
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
    return { claimed, lost, isMoreLeft, nextDueAt: this.in("s", "t")[0]?.score ?? 0 };
  }

  /** The jobs of a type that have their turn. Of the suspects and of those with large payloads, only the first that there is room for. */
  #next(
    type: string,
    n: number,
    poisonCandidates: number,
    room: { free: number; isUnused: boolean; lostOnce: number },
  ): ModelJob[] {
    const ready = this.ready(type);
    const isPutOff = ({ crashes }: ModelJob): boolean => {
      if (this.#together === undefined || crashes !== 1) return false;
      room.lostOnce += 1;
      return room.lostOnce > this.#together;
    };
    const fitting = (jobs: readonly ModelJob[], most: number): ModelJob[] => {
      const taken: ModelJob[] = [];
      for (const job of jobs) {
        if (taken.length === most || (job.size > 0 && job.size > room.free && !room.isUnused)) break;
        if (isPutOff(job)) continue;
        if (job.size > 0) Object.assign(room, { free: room.free - job.size, isUnused: false });
        taken.push(job);
      }
      return taken;
    };
    const some = fitting(ready.filter(isPoisonCandidate), Math.min(n, poisonCandidates));
    const large = fitting(
      ready.filter((job) => !isPoisonCandidate(job) && job.size > 0),
      Math.min(n, 50),
    );
    const turns = [
      ...some,
      ...large,
      ...fitting(
        ready.filter((job) => !isPoisonCandidate(job) && job.size === 0),
        n,
      ),
    ].sort(byTurn);
    for (const { size } of turns.slice(n)) room.free += size;
    return turns.slice(0, n);
  }

  renew(
    replica: string,
    running: readonly { readonly id: string; readonly claimSeq: number; readonly progress: number | null }[],
  ): Map<string, string> {
    const stops = new Map<string, string>();
    for (const { id, claimSeq, progress } of running) {
      const job = this.jobs.get(id);
      if (job?.state !== "r" || job.token !== tokenOf(replica, claimSeq)) {
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
      if (callback && answers[i] === "k") this.#addCallback(callback);
    });
    return answers;
  }

  cancel(id: string, callback?: Callback): string {
    const job = this.jobs.get(id);
    if (!job) return "missing";
    if (job.state === "r") {
      job.isCancelRequested = true;
      return "running";
    }
    if (!["q", "s", "t"].includes(job.state)) return "finished";
    const wasReady = job.state === "q";
    this.#move(job, "x", AHEAD);
    if (wasReady) this.#clearTags(job);
    if (callback) this.#addCallback(callback);
    return "cancelled";
  }

  sweep(limit: number): string[] {
    const overdue = this.in("c", "f", "x")
      .filter(({ score }) => score === PAST)
      .slice(0, limit);
    for (const job of overdue) job.score = AHEAD;
    return overdue.map(({ id }) => id);
  }

  /** Jobs that Postgres holds: in the outbox, or forgotten before. */
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
    const mine = handed.filter(({ id }) => this.jobs.get(id)?.state === "r" && this.jobs.get(id)?.token === token);
    const pick = (isLost: boolean): Handed[] =>
      mine.filter((one) => one.isLost === isLost).map(({ id }) => handedOf(this.jobs.get(id)));
    return { claimed: pick(false), lost: pick(true), isMoreLeft: false, nextDueAt: 0 };
  }

  /** @param isLeased it does not wait for a claim, where its time has come @returns the job, unless it was there */
  #add(job: NewJob, isLeased = false): ModelJob | undefined {
    if (this.jobs.has(job.id)) return undefined;
    const made = modelJob(job);
    this.jobs.set(job.id, made);
    this.#count("accepted", job.type, 1);
    this.#count("scheduled", job.type, 1);
    if (job.runAt === PAST && !isLeased) this.#makeReady(made);
    return made;
  }

  #addCallback({ id, submission: { type } }: Callback): void {
    this.#add({ id, type, priority: 5, group: "", size: 0, runAt: PAST });
  }

  #makeReady(job: ModelJob): void {
    this.#move(job, "q", this.tags.join(job));
  }

  #take(job: ModelJob, token: string): Handed {
    this.tags.take(job);
    const handed = this.#lease(job, token, false);
    this.#clearTags(job);
    return handed;
  }

  /** Where nobody waits but suspects, no group's tag is kept. */
  #clearTags(job: ModelJob): void {
    if (!this.ready(job.type).some((other) => other.priority === job.priority && !isPoisonCandidate(other)))
      this.tags.clear(job);
  }

  #lease(job: ModelJob, token: string, isLost: boolean): Handed {
    if (isLost) job.crashes = Math.min(9, job.crashes + 1);
    else job.attempt += 1;
    job.progress = "---";
    job.token = token;
    this.#move(job, "r", AHEAD);
    return handedOf(job);
  }

  #settle(token: string, { id, verdict, attempt, crashes, deferrals, runAt }: Settlement): string {
    const job = this.jobs.get(id);
    if (job?.token !== token) return "s";
    if (job.state !== "r") return "d";
    if (job.isCancelRequested && verdict !== "c" && verdict !== "x") return "x";
    Object.assign(job, { attempt, crashes, deferrals });
    if (verdict === "c" || verdict === "f" || verdict === "x") this.#move(job, verdict, AHEAD);
    else if (runAt !== PAST) this.#move(job, "t", runAt);
    else if (verdict === "r") this.#makeReady(job);
    else this.#move(job, "q", this.tags.front(job));
    return "k";
  }

  #move(job: ModelJob, state: State, score: number): void {
    this.#count(COUNT_OF[job.state], job.type, -1);
    this.#count(COUNT_OF[state], job.type, 1);
    job.state = state;
    job.score = score;
  }

  #count(name: string, type: string, by: number): void {
    if (name !== "") this.counts.set(`${name}:${type}`, (this.counts.get(`${name}:${type}`) ?? 0) + by);
  }
}

function handedOf(job: ModelJob | undefined): Handed {
  return { id: job?.id ?? "", attempt: job?.attempt ?? 0, crashes: job?.crashes ?? 0 };
}
