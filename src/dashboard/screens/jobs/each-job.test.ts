import { expect, it } from "vitest";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { actOnEach } from "./each-job.ts";

it("acts on each job, a few at once, and counts what happened", async () => {
  const ids = Array.from({ length: 20 }, (_, index) => String(index));
  const seen: string[] = [];
  let [running, most] = [0, 0];
  const summary = await actOnEach(ids, async (id) => {
    seen.push(id);
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    if (id === "3") throw new TaskFlowError("job_finished", 409, "It has finished.");
    if (id === "4" || id === "5") throw new TaskFlowError("unreachable", 0, "No answer.");
    if (id === "6") throw new TypeError("broken");
  });
  expect(seen.sort()).toEqual(ids.sort());
  expect(most).toBe(5);
  expect(summary).toMatchObject({ done: 16, skipped: 1, failed: 3 });
  expect(summary.errors).toHaveLength(2);
});

it("does nothing without jobs", async () => {
  expect(await actOnEach([], () => Promise.reject(new Error("called")))).toMatchObject({ done: 0, failed: 0 });
});
