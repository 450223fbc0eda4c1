/** Updates of waiting jobs: the arguments and the reply of update.lua. */

import { randomBytes } from "node:crypto";
import { at } from "../core/at.ts";
import { batchLength } from "../core/batch-limits.ts";
import { encodeSeq } from "../core/header.ts";
import type { Job, JobOptions, Submission } from "../core/job.ts";
import { isFinished } from "../core/job.ts";
import type { ChangedSubmission } from "../core/job-patch.ts";
import { encodeSubmission } from "../core/packed-job.ts";
import type { LargePayload } from "../core/payload.ts";
import { isLarge, sizeOf } from "../core/payload.ts";
import { STATE_CODE, statusOfCode } from "../core/state-code.ts";
import { QueueUnavailable } from "../errors.ts";
import { NOT_UPDATED, OPCODE } from "./codes.ts";
import { memberOf, tagName } from "./index-names.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { ChangeParts } from "./queue-parts.ts";
import { scripts } from "./scripts.ts";

/** Jobs of one script call, and the characters of their payloads: together about 2 ms of Redis. */
const CALL_LIMITS = { maxItems: 100, maxSize: 128 * 1024 };
/** How often one job is read: each time it changed after it was read, by a claim or another update. */
const MAX_READS = 20;

export type JobChange = (job: Job) => ChangedSubmission | undefined | Promise<ChangedSubmission | undefined>;

export interface Update {
  readonly id: string;
  readonly change: JobChange;
}

/** unchanged: the job waits, and there was nothing to change. */
export type UpdateAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "updated" | "unchanged" | "running" | "finished"; readonly job: Job };

/** A job as it was read, what it is to become, and its place among the updates. */
interface Read {
  readonly job: Job;
  readonly after: ChangedSubmission;
  readonly index: number;
}

export class Updates {
  readonly #parts: ChangeParts;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /** As {@link Queue.run}. */
  run(ids: readonly string[]): Promise<UpdateAnswer[]> {
    return this.update(ids.map((id) => ({ id, change: (job) => runNow(job, this.#parts.clock.now()) })));
  }

  /** As {@link Queue.updateMany}. */
  async update(updates: readonly Update[]): Promise<UpdateAnswer[]> {
    const answers: UpdateAnswer[] = updates.map(() => ({ kind: "missing" }));
    const reads = updates.map(() => 0);
    let left = [...updates.keys()];
    while (left.length > 0) {
      const part = left.slice(0, CALL_LIMITS.maxItems);
      for (const index of part) {
        reads[index] = at(reads, index) + 1;
        if (at(reads, index) > MAX_READS) throw new QueueUnavailable("the job changes too often to be updated");
      }
      const changed = await this.#updatePart(updates, part, answers);
      left = [...changed, ...left.slice(part.length)];
    }
    return answers;
  }

  /** @returns the indexes of the jobs that changed after they were read */
  async #updatePart(updates: readonly Update[], part: readonly number[], answers: UpdateAnswer[]): Promise<number[]> {
    const jobs = await this.#parts.read(part.map((index) => at(updates, index).id));
    const live = new Map(jobs.map((job) => [job.id, job]));
    const read: Read[] = [];
    for (const index of part) {
      const { id, change } = at(updates, index);
      const job = live.get(id);
      if (!job) continue;
      const isWaiting = job.status !== "running" && !isFinished(job.status);
      const after = isWaiting ? normal(job, await change(job)) : undefined;
      if (after) read.push({ job, after, index });
      else answers[index] = { kind: kindOf(job), job };
    }
    const changed: number[] = [];
    for (let from = 0; from < read.length; ) {
      const rest = read.slice(from);
      const call = rest.slice(
        0,
        batchLength(rest, CALL_LIMITS, ({ after }) => (isLarge(after.payload) ? 0 : sizeOf(after.payload))),
      );
      changed.push(...(await this.#call(call, answers)));
      from += call.length;
    }
    return changed;
  }

  async #call(read: readonly Read[], answers: UpdateAnswer[]): Promise<number[]> {
    const { ns, connections, payloads } = this.#parts;
    const puts: Promise<void>[] = [];
    const putAside = (id: string, payload: LargePayload): string => {
      const name = `${id}.${randomBytes(8).toString("hex")}`;
      puts.push(payloads.putAside(name, payload));
      return name;
    };
    const args = [ns, ...read.flatMap(({ job, after }) => encodeUpdate(job, after, putAside))];
    await Promise.all(puts);
    const codes = (await connections.work.run(scripts.update, args, CALL_TIMEOUT_MS)) as string;
    return read.flatMap(({ job, after, index }, i) => {
      const code = codes.charAt(i);
      if (code === NOT_UPDATED) return [index];
      const { priority, maxAttempts, payload, options } = after;
      const status = statusOfCode(code) ?? job.status;
      answers[index] = { kind: "updated", job: { ...job, priority, maxAttempts, payload, options, status } };
      return [];
    });
  }
}

function kindOf({ status }: Job): "unchanged" | "running" | "finished" {
  return status === "running" ? "running" : isFinished(status) ? "finished" : "unchanged";
}

/** A change with the next revision, and with a time only if that changes; undefined if nothing changes. */
function normal(job: Job, change: ChangedSubmission | undefined): ChangedSubmission | undefined {
  if (!change) return undefined;
  const { priority, maxAttempts, payload, options, dueAt = changedRunAt(job.options, change.options) } = change;
  // The type and the group of a job do not change
  const after: Submission = { type: job.type, groupKey: job.groupKey, priority, maxAttempts, payload, options };
  const isSame = payload === job.payload && metadataOf(job) === metadataOf(after);
  if (isSame && dueAt === undefined) return undefined;
  const { revision = 0 } = job.options;
  return {
    ...after,
    ...(!isSame && { options: { ...options, revision: revision + 1 } }),
    ...(dueAt !== undefined && { dueAt }),
  };
}

function changedRunAt(before: JobOptions, after: JobOptions): number | undefined {
  return before.run_at === after.run_at ? undefined : (after.run_at ?? 0);
}

function runNow({ status, options, ...job }: Job, now: number): ChangedSubmission | undefined {
  if (status === "queued" || status === "waiting") return undefined;
  const { run_at: runAt = 0, ...rest } = options;
  return { ...job, options: runAt > now ? rest : options, dueAt: 0 };
}

/** The packed submission without a small payload. */
function metadataOf(submission: Submission): string {
  return encodeSubmission(isLarge(submission.payload) ? submission : { ...submission, payload: "" });
}

/** @param putAside stores a large payload, and returns its name */
function encodeUpdate(
  job: Job,
  after: ChangedSubmission,
  putAside: (id: string, payload: LargePayload) => string,
): string[] {
  const { payload } = after;
  const [removed, added] = [tagsOf(job), tagsOf(after)];
  const members = [removed.filter((tag) => !added.includes(tag)), added.filter((tag) => !removed.includes(tag))];
  const token = job.worker === null ? "" : job.worker + encodeSeq(job.claimSeq);
  return [
    job.id,
    STATE_CODE[job.status] + token,
    metadataOf(job).slice(1),
    metadataOf(after),
    payload === job.payload
      ? ""
      : isLarge(payload)
        ? OPCODE.storedPayload + putAside(job.id, payload)
        : OPCODE.expected + payload,
    after.dueAt === undefined ? "" : String(after.dueAt),
    ...members.map(({ length }) => String(length)),
    ...members.flat().map((tag) => memberOf(tagName(tag), job.id)),
  ];
}

function tagsOf({ options }: Submission): readonly string[] {
  return [...new Set(options.tags)];
}
