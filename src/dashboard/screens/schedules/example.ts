/** A schedule to begin with: built in, and harmless on any server. */

export const EXAMPLE = "every-minute-export";

const JOB = {
  type: "data_export",
  payload: {
    format: "csv",
    filename: "example-${tick:YYYY-MM-DD}.csv",
    source: { rows: [{ tick: "${tick}", before: "${previous_tick}" }] },
  },
};

export function exampleText(): string {
  const description = "An example: writes one row to a CSV file each minute.";
  return JSON.stringify({ description, cron: "* * * * *", job: { ...JOB, tags: ["example"] } }, null, 2);
}

/** What the form of a new schedule begins with. @param timeZone IANA name */
export function startText(timeZone: string): string {
  return JSON.stringify({ cron: "0 3 * * *", time_zone: timeZone, job: JOB }, null, 2);
}
