/** A flow to begin with: its job types are built in, and it is harmless on any server. */

import type { FlowDefinition, FollowingJob } from "../../../client/taskflow.ts";

const exportOf = (rows: readonly object[], filename: string): FollowingJob => ({
  type: "data_export",
  payload: { format: "csv", filename, source: { rows } },
  tags: ["example"],
});

const REGIONS = ["north", "east", "south", "west"];

/** As JSON, it is the body of `POST /api/v1/flows`, too: none of its names has two words. */
export const EXAMPLE: FlowDefinition = {
  name: "example-report",
  jobs: {
    orders: exportOf([{ order: 4711 }, { order: 4712 }], "orders.csv"),
    regions: { batch: REGIONS.map((region) => exportOf([{ region }], `${region}.csv`)) },
    report: {
      ...exportOf([{ orders: "${orders.result.rows}", regions: "${regions.result.completed}" }], "report.csv"),
      after: ["orders", "regions"],
    },
    "tidy-up": { ...exportOf([{ done: true }], "done.csv"), after: ["report"], when: "ended" },
  },
};
