import { expect, it } from "vitest";
import { timingText } from "./timing-text.ts";

it.each([
  [{ cron: "0 3 * * 1-5" }, "At 03:00, Monday through Friday"],
  [{ cron: "*/15 * * * *" }, "Every 15 minutes"],
  [{ cron: "*/10 * * * * *" }, "Every 10 seconds"],
  [{ cron: "0 12 L * *" }, "At 12:00, on the last day of the month"],
  [{ cron: "@daily" }, "At 00:00"],
  [{ cron: "H 3 * * *" }, "H 3 * * *"],
  [{ cron: "nonsense" }, "nonsense"],
  [{ every_ms: 60_000 }, "Every minute"],
  [{ every_ms: 900_000 }, "Every 15 minutes"],
  [{ every_ms: 900_000, offset_ms: 0 }, "Every 15 minutes"],
  [{ every_ms: 900_000, offset_ms: 90_000 }, "Every 15 minutes, shifted by 1 min 30 s"],
  [{ every_ms: 5_400_000 }, "Every 1 h 30 min"],
  [{ every_ms: 86_400_000 }, "Every day"],
  [{ every_ms: 100 * 86_400_000 }, "Every 100 days"],
  [{ every_ms: 1_500 }, "Every 1 s 500 ms"],
  [{ times: ["2026-12-24T18:00:00Z"] }, "1 instant"],
  [{ times: ["2026-12-24T18:00:00Z", "2026-12-25T18:00:00Z", "2026-12-26T18:00:00Z"] }, "3 instants"],
  [{}, undefined],
])("says when %j has ticks", (timing, text) => {
  expect(timingText(timing)).toBe(text);
});
