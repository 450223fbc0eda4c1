import { describe, expect, it } from "vitest";
import { encodeRecord, outcomeOf, readyAtOf, shortRecord, withoutResult } from "./attempt-record.ts";
import { encodeCounters, encodeLease } from "./header.ts";
import { idPrefix, makeId, timeOfId } from "./id.ts";
import type { Submission } from "./job.ts";
import { viewOf, viewOfSubmission } from "./job-view.ts";
import { decodeJob, decodeSubmission, encodeSubmission, leasedJob, oneLine, wholePacked } from "./packed-job.ts";
import { sizeOf } from "./payload.ts";
import { stateLeft } from "./saved-state.ts";

const NOW = 1_800_000_000_000;
const id = makeId(idPrefix(NOW, 0, 1), 1);
const plain: Submission = {
  type: "email",
  payload: `{"to":"a@b.c"}`,
  priority: 7,
  maxAttempts: 3,
  groupKey: null,
  options: {},
};
const rich: Submission = {
  ...plain,
  groupKey: "tenant|1 ü",
  options: {
    run_at: NOW + 5,
    expires_at: NOW + 9,
    timeout_ms: 7,
    backoff: { kind: "fixed", base_ms: 1, max_ms: 1 },
    tags: ["a|b", "c"],
    callback_url: "https://x.y/?a|b",
  },
};

describe("a packed job", () => {
  it.each([plain, rich])("is decoded to the same submission", (submission) => {
    const packed = encodeSubmission(submission);
    const waiting = {
      ...submission,
      id,
      status: submission.options.run_at === undefined ? "queued" : "scheduled",
      attempt: 0,
      crashes: 0,
      deferrals: 0,
      isCancelRequested: false,
      progress: null,
      startedAt: null,
      worker: null,
      claimSeq: 0,
      history: [],
    };
    expect(decodeSubmission(id, packed)).toEqual(waiting);
    expect(decodeJob(id, wholePacked(packed, undefined))).toEqual(waiting);
    const claimed = { ...waiting, status: "running", attempt: 1, startedAt: NOW + 1, worker: "replica1", claimSeq: 3 };
    expect(decodeSubmission(id, packed, { replica: "replica1", seq: 3, now: NOW + 1 })).toEqual(claimed);
    expect(leasedJob(id, submission, { replica: "replica1", seq: 3, now: NOW + 1 })).toEqual(claimed);
  });

  it("costs a plain job little more than its payload", () => {
    expect(encodeSubmission(plain).length - sizeOf(plain.payload)).toBeLessThan(20);
  });

  it("keeps counters at a fixed width", () => {
    expect([encodeCounters(3, 1, 7), encodeCounters(25, 12, 50)]).toEqual(["03107", "25950"]);
  });

  it("puts JSON text into one line, with the same meaning", () => {
    const text = `{\n\t"a": "x\\ny",\r\n "b": 1 }`;
    expect(oneLine(text)).not.toMatch(/[\n\r\t]/);
    expect(JSON.parse(oneLine(text))).toEqual(JSON.parse(text));
  });
});

describe("outcomes", () => {
  /** After the state and the priority. */
  const header = encodeCounters(2, 0, 0) + encodeLease(NOW + 1, "replica1", 38);
  const record = encodeRecord({
    attempt: 2,
    outcome: "completed",
    worker: "replica1",
    started_at: NOW + 1,
    finished_at: NOW + 2,
    result: `{"big":12345678901234567890}`,
  });
  const retry = encodeRecord({
    attempt: 1,
    outcome: "retry",
    worker: "replica0",
    started_at: NOW,
    finished_at: NOW,
    error: { code: "e", message: "m", attempt: 1 },
  });
  const body = encodeSubmission(plain).slice(2);

  it("are read from the outbox with the digits of their results", () => {
    const job = decodeJob(id, `c7${header}${body}\n${retry}\n${record}`);
    expect(outcomeOf(job)).toMatchObject({
      status: "completed",
      result: `{"big":12345678901234567890}`,
      error: null,
      attempt: 2,
      worker: "replica1",
      finishedAt: NOW + 2,
      records: [retry],
    });
    expect(viewOf(job)).toMatchObject({
      status: "completed",
      started_at: NOW + 1,
      finished_at: NOW + 2,
      result: `{"big":12345678901234567890}`,
    });
  });

  it("are the same if the record omits the facts in the header", () => {
    const short = shortRecord(NOW + 2, `{"big":12345678901234567890,"text":"a=b"}`);
    const whole = encodeRecord({
      attempt: 2,
      outcome: "completed",
      worker: "replica1",
      started_at: NOW + 1,
      finished_at: NOW + 2,
      result: `{"big":12345678901234567890,"text":"a=b"}`,
    });
    for (const before of ["", `\n${retry}`])
      expect(decodeJob(id, `c7${header}${body}${before}\n${short}`)).toEqual(
        decodeJob(id, `c7${header}${body}${before}\n${whole}`),
      );
    expect(short.length).toBeLessThan(whole.length - 90);
  });

  it("name the replica of the latest attempt if the job was cancelled or expired while it waited for another", () => {
    const cancelled = encodeRecord({
      attempt: 0,
      outcome: "cancelled",
      worker: null,
      started_at: null,
      finished_at: NOW + 9,
    });
    const after = outcomeOf(decodeJob(id, `x7${header}${body}\n${retry}\n${cancelled}`));
    expect(after).toMatchObject({
      worker: "replica0",
      startedAt: NOW,
      finishedAt: NOW + 9,
      records: [retry, cancelled],
    });
    expect(outcomeOf(decodeJob(id, `x7${header}${body}\n${cancelled}`))).toMatchObject({
      worker: null,
      startedAt: null,
      records: [],
    });
  });

  it("do not exist while a job is live; its view has the last error", () => {
    const job = decodeJob(id, `t7${header}${body}\n${retry}`);
    expect(outcomeOf(job)).toBeUndefined();
    expect(viewOf(job)).toMatchObject({
      status: "retrying",
      error: { code: "e", message: "m", attempt: 1 },
      result: null,
      finished_at: null,
    });
  });

  it("show when a job can start: its run_at, its retry's time, or undefined", () => {
    const jobAfter = (text: string) => ({ ...decodeJob(id, `r7${header}${body}${text}`), options: {} });
    expect(readyAtOf(jobAfter(""))).toBe(timeOfId(id));
    expect(readyAtOf({ ...jobAfter(""), options: { run_at: NOW * 2 } })).toBe(NOW * 2);
    expect(readyAtOf(jobAfter(`\n${retry.replace(/}$/, `,"next_at":${NOW + 500}}`)}`))).toBe(NOW + 500);
    expect(readyAtOf(jobAfter(`\n${retry.replace(/}$/, `,"waits_for_turn":true}`)}`))).toBeUndefined();
  });

  it("show a job at its acceptance", () => {
    expect(viewOfSubmission(id, rich)).toMatchObject({
      status: "scheduled",
      run_at: NOW + 5,
      created_at: NOW,
      durability: "redis",
      tags: ["a|b", "c"],
    });
    expect(viewOfSubmission(id, plain)).toMatchObject({ status: "queued", tags: [], retry_of: null, attempt: 0 });
  });
});

describe("the state that an attempt left for the next one", () => {
  const record = { attempt: 1, outcome: "retry", worker: "replica1", started_at: 1, finished_at: 2 } as const;

  it("is found before attempts that saved nothing, and may contain any name", () => {
    const left = encodeRecord({ ...record, state: JSON.stringify({ a: 1, result: ["x"] }) });
    expect(withoutResult(left)).toBe(left);
    expect(
      stateLeft({
        history: [encodeRecord({ ...record, state: `"older"` }), left, encodeRecord({ ...record, outcome: "lost" })],
      }),
    ).toEqual({ a: 1, result: ["x"] });
    expect(stateLeft({ history: [] })).toBeUndefined();
  });
});
