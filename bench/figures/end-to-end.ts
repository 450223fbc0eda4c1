/** One job a POST, from HTTP to a committed row: only TaskFlow and the baseline, for quick results while tuning. */

import { compareCompetitors } from "../comparison.ts";
import { baseline, otherBuild, taskflow } from "../competitors/competitor.ts";
import { measureEndToEnd, saturating } from "../end-to-end.ts";
import type { Figure } from "../figure.ts";
import { medianOf } from "../median.ts";

export const endToEnd: Figure = {
  name: "end-to-end",
  title: "one job a POST, from HTTP to a committed row",
  run: async (bench) => {
    const own = taskflow(bench.program);
    const { readings, ratiosAgainst } = await compareCompetitors(
      bench,
      own,
      [baseline, ...otherBuild(bench.against)],
      (running, competitor) => measureEndToEnd(bench, running, competitor, saturating(bench)),
    );
    const goals = [
      {
        text: "end to end, single POST, against the baseline",
        value: medianOf(ratiosAgainst(baseline)),
        limit: { least: 1 },
        unit: "",
      },
    ];
    return { readings, goals, notes: [] };
  },
};
