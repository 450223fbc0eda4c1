import { expect, it } from "vitest";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";
import type { LogLines, LogRequest } from "./log-channel.ts";

const setup = setUpQueues();

it("carries requests for the logs of any number of jobs to the replica that runs them, and wakes it for none", async () => {
  let wakes = 0;
  const onWake = (): void => {
    wakes += 1;
  };
  const one = await setup().replica({ replica: "aaaa0001" });
  const two = await setup().replica({ replica: "bbbb0002", onWake });
  const seen: LogRequest[] = [];
  const from = new Set<string>();
  two.logChannel.listen({
    onRequests: (replica, requests) => {
      from.add(replica);
      seen.push(...requests);
    },
  });
  const before = wakes;
  const requests = Array.from({ length: 450 }, (_, n) => ({ id: one.ids.next(), from: n % 3 }));
  await one.logChannel.request("bbbb0002", requests);
  await until(() => seen.length === 450, { what: "all requests have arrived" });
  expect(seen).toEqual(requests);
  expect([...from]).toEqual(["aaaa0001"]);
  expect(wakes).toBe(before);
});

it("carries lines to the replica that follows, whatever they contain", async () => {
  const one = await setup().replica({ replica: "aaaa0001" });
  const two = await setup().replica({ replica: "bbbb0002" });
  const seen: LogLines[] = [];
  two.logChannel.listen({ onLines: (lines) => seen.push(lines) });
  const lines = ["2026-01-01T00:00:00.000Z a", "2026-01-01T00:00:00.001Z ", "2026-01-01T00:00:00.002Z b\n\u2028 é 🎉"];
  const sent = { id: one.ids.next(), attempt: 3, worker: "aaaa0001", startedAt: 1_767_225_600_000, first: 7, lines };
  await one.logChannel.send("bbbb0002", sent);
  await until(() => seen.length === 1, { what: "the lines have arrived" });
  expect(seen).toEqual([sent]);
});
