import { expect, it } from "vitest";
import { encodeRecord, outcomeOf } from "./attempt-record.ts";
import type { Job } from "./job.ts";
import { resultOfCancelled } from "./operation-counts.ts";

const SAVED = '{"total":9,"isCounted":true,"below":null,"matched":5,"done":3}';

it.each([
  ["bulk_cancel", SAVED, { matched: 5, done: 3, skipped: 2 }],
  ["bulk_erase", SAVED, { matched: 5, done: 3, skipped: 2 }],
  ["replay", SAVED, { matched: 5, done: 3, skipped: 2, replayed: 3 }],
  ["replay", undefined, null],
  ["webhook", SAVED, null],
])("the result of a cancelled job of type %s that saved %s", (type, saved, result) => {
  expect(JSON.parse(resultOfCancelled({ type, saved }) ?? "null")).toEqual(result);
});

it("is part of the outcome of a cancelled operation alone", () => {
  const resultOf = (status: "cancelled" | "failed"): string | null | undefined => {
    const record = encodeRecord({ attempt: 1, outcome: status, worker: null, started_at: null, finished_at: 1 });
    return outcomeOf({ type: "bulk_run", status, history: [record], saved: SAVED } as unknown as Job)?.result;
  };
  expect(resultOf("cancelled")).toBe('{"matched":5,"done":3,"skipped":2}');
  expect(resultOf("failed")).toBeNull();
});
