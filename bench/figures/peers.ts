/** One job a POST, from HTTP to a committed row: all competitors in turn. */

import { compareCompetitors } from "../comparison.ts";
import { baseline, bullmq, bullmqTuned, pgBoss, taskflow } from "../competitors/competitor.ts";
import { measureEndToEnd, saturating } from "../end-to-end.ts";
import type { Figure } from "../figure.ts";
import { medianOf } from "../median.ts";

export const peers: Figure = {
  name: "peers",
  title: "one job a POST, from HTTP to a committed row: all competitors",
  run: async (bench) => {
    const own = taskflow(bench.program);
    const others = [baseline, bullmq, bullmqTuned, pgBoss];
    const { readings, ratiosAgainst } = await compareCompetitors(bench, own, others, (running, competitor) =>
      measureEndToEnd(bench, running, competitor, saturating(bench)),
    );
    const goals = [
      {
        text: "end to end, single POST, against Fastify + BullMQ + INSERT as given",
        value: medianOf(ratiosAgainst(bullmq)),
        limit: { least: 10 },
        unit: "",
      },
      {
        text: "end to end, single POST, against Fastify + BullMQ + INSERT as tuned",
        value: medianOf(ratiosAgainst(bullmqTuned)),
        limit: { least: 4 },
        unit: "",
      },
    ];
    return { readings, goals, notes: [] };
  },
};
