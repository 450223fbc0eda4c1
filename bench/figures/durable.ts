/** The same load with ACCEPT_DURABILITY=postgres: each submission is committed before its 202. */

import { compareCompetitors } from "../comparison.ts";
import { baseline, taskflow } from "../competitors/competitor.ts";
import { measureEndToEnd, saturating } from "../end-to-end.ts";
import type { Figure } from "../figure.ts";
import { medianOf } from "../median.ts";

export const durable: Figure = {
  name: "durable",
  title: "one job a POST, committed to Postgres before its 202",
  run: async (bench) => {
    const own = taskflow(bench.program, { ACCEPT_DURABILITY: "postgres" }, "TaskFlow, ACCEPT_DURABILITY=postgres");
    const { readings, ratiosAgainst } = await compareCompetitors(bench, own, [baseline], (running, competitor) =>
      measureEndToEnd(bench, running, competitor, saturating(bench)),
    );
    const goals = [
      {
        text: "end to end, ACCEPT_DURABILITY=postgres, against the baseline",
        value: medianOf(ratiosAgainst(baseline)),
        limit: { least: 0.6 },
        unit: "",
      },
    ];
    return { readings, goals, notes: ["single POST on both sides: the baseline has no batches"] };
  },
};
