import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { baseSettings } from "./settings.ts";
import { describeSettings, settingsHelp, settingsTable } from "./settings-table.ts";

const types = [
  Type.Object({
    SMTP_URL: Type.String({ default: "", description: "of a type" }),
    ALLOW: Type.Boolean({ default: false, description: "Whether `a|b`" }),
  }),
  Type.Object({ ALLOW: Type.Boolean({ default: false }), RATE: Type.Number() }),
];

describe("the settings for people", () => {
  it("describes every setting of the program exactly once", () => {
    const rows = describeSettings(types);
    expect(
      rows.slice(0, Object.keys(baseSettings.properties).length).filter(({ description }) => description === ""),
    ).toEqual([]);
    expect(rows.filter(({ name }) => name === "SMTP_URL" || name === "ALLOW")).toHaveLength(2);
    expect(rows.find(({ name }) => name === "SMTP_URL")?.description).not.toBe("of a type");
  });

  it("describes types and defaults in the same words on every machine", () => {
    const row = (wanted: string) => describeSettings(types).find(({ name }) => name === wanted);
    expect(row("WORKER_COUNT")).toMatchObject({ type: "integer", default: "number of cores" });
    expect(row("TASKFLOW_ROLE")).toMatchObject({ type: "all, api, worker", default: "all" });
    expect(row("RETRY_BASE_MS")).toMatchObject({ type: "milliseconds or duration", default: "" });
    expect(row("ALLOW")).toMatchObject({ type: "true or false", default: "false" });
    expect(row("RATE")).toEqual({ name: "RATE", type: "number", default: "", description: "" });
  });

  it("writes a Markdown table and escapes each |", () => {
    const lines = settingsTable(describeSettings(types)).split("\n");
    expect(lines[0]).toBe("| variable | type | default | meaning |");
    expect(lines).toContain("| `ALLOW` | true or false | `false` | Whether `a\\|b` |");
    expect(lines).toContain(
      "| `DATA_DIR` | text | `./data` | The folder for the data of the services that TaskFlow starts itself: Redis, Postgres, caught mail |",
    );
  });

  it("writes a text of at most 100 columns for a terminal", () => {
    const help = settingsHelp(describeSettings(types));
    expect(help).toContain(
      "  CLAIM_LIMIT  (integer; default 500)\n      The most jobs that one call claims from Redis\n",
    );
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});
