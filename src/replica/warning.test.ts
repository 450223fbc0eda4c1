import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OutcomeUnknown, QueueDisconnected } from "../errors.ts";
import { warning } from "./warning.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("a warning is logged once for each reason and minute, and not for a missing connection", () => {
  const warned: unknown[] = [];
  const tell = warning(
    { warn: ({ error }: { error: Error }) => void warned.push(error.message) },
    "jobs could not be claimed",
  );
  for (const error of [
    new OutcomeUnknown("no answer"),
    new OutcomeUnknown("no answer"),
    new QueueDisconnected("Redis is not connected"),
    new OutcomeUnknown("refused"),
  ])
    tell(error);
  expect(warned).toEqual(["no answer", "refused"]);
  vi.advanceTimersByTime(60_000);
  tell(new OutcomeUnknown("refused"));
  expect(warned).toHaveLength(3);
});
