/** A schedule to begin with: built in, and harmless on any server. */

export const EXAMPLE = "every-minute-export";

const DEFINITION = {
  description: "An example: writes one row to a CSV file each minute.",
  cron: "* * * * *",
  time_zone: "UTC",
  job: {
    type: "data_export",
    payload: {
      format: "csv",
      filename: "example-${tick:YYYY-MM-DD}.csv",
      source: { rows: [{ minute: "${tick}", before: "${previous_tick}" }] },
    },
    tags: ["example"],
  },
};

export function exampleText(): string {
  return JSON.stringify(DEFINITION, null, 2);
}
