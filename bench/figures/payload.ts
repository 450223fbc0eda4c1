/** Measures how the size of a payload affects the rate, end to end. */
import { randomBytes } from "node:crypto";
import { compareCompetitors } from "../comparison.ts";
import { baseline, otherBuild, taskflow } from "../competitors/competitor.ts";
import { measureEndToEnd } from "../end-to-end.ts";
import type { Figure } from "../figure.ts";
import type { Reading } from "../report.ts";

/**
 * Large bodies use fewer connections, because the baseline joins all waiting jobs in one string, which is limited to
 * 512 MB.
 */
const SIZES = [
  { label: "100 B", bytes: 100, connections: 64 },
  { label: "10 KB", bytes: 10_000, connections: 64 },
  { label: "500 KB", bytes: 500_000, connections: 8 },
];

export const payload: Figure = {
  name: "payload",
  title: "single POST, by size of the payload",
  run: async (bench) => {
    const readings: Reading[] = [];
    for (const { label, bytes, connections } of SIZES) {
      bench.log(`payloads of ${label}`);
      const text = randomBytes(bytes)
        .toString("base64")
        .slice(0, bytes - '{"text":""}'.length); // Postgres cannot compress random text
      const shape = {
        body: `{"type":"noop","payload":{"text":"${text}"}}`,
        connections,
        seconds: bench.isQuick ? 1 : 3,
      };
      const own = taskflow(bench.program, {}, `TaskFlow, ${label}`);
      const others = [
        { ...baseline, name: `baseline, ${label}` },
        ...otherBuild(bench.against, `TaskFlow, the other build, ${label}`),
      ];
      const found = await compareCompetitors(bench, own, others, (running, competitor) =>
        measureEndToEnd(bench, running, competitor, shape),
      );
      readings.push(...found.readings.filter(({ unit }) => unit === "jobs/s" || unit === "ms"));
    }
    return { readings, goals: [], notes: ["random text, which Postgres cannot compress away"] };
  },
};
