/** A flow to begin with: its job types are built in, and it is harmless on any server. */

const exportOf = (rows: readonly object[], filename: string): object => ({
  type: "data_export",
  payload: { format: "csv", filename, source: { rows } },
  tags: ["example"],
});

const REGIONS = ["north", "east", "south", "west"];

/** The body of `POST /api/v1/flows`. */
export const EXAMPLE: object = {
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
