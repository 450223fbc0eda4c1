import { expect, it } from "vitest";
import type { LogOptions } from "../observability/log.ts";
import { until } from "../testing/until.ts";
import { Beat } from "./beat.ts";
import { LeaseGuard } from "./lease-guard.ts";

it("reports a thread that dies, and starts it again until it is closed", async () => {
  const deaths: unknown[] = [];
  const guard = new LeaseGuard({
    url: "redis://127.0.0.1:1",
    namespace: "taskflow:0",
    replica: "guarded0",
    leaseMs: 1_000,
    logLevel: "none of pino's" as LogOptions["level"], // the thread throws as it starts
    beat: new Beat(),
    findBlocker: () => ({ type: undefined, running: {}, jobIds: [], at: undefined, stack: [] }),
    onBlocked: () => undefined,
    onError: (error) => deaths.push(error),
  });
  guard.start();
  await until(() => deaths.length === 2, { what: "it has died again" });
  expect(String(deaths[1])).toMatch(/level/);
  await guard.close();
  await guard.close();
});
