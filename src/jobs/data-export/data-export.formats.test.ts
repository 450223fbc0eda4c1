/**
 * The content of data_export's text files, read back by independent readers and compared with Postgres's own output.
 */
import { buffer } from "node:stream/consumers";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { beforeAll, describe, expect, it } from "vitest";
import { exportFile, type FormatExports, openFormats, type Payload, TYPES } from "../../testing/export-formats.ts";

let exports: FormatExports;
beforeAll(async () => {
  exports = await openFormats();
});

const exported = (payload: Payload, reported?: number[]) => exportFile(exports, payload, reported);
const textOf = async (payload: Payload): Promise<string> => (await exported(payload)).content.toString();

describe("CSV of a query", () => {
  it("equals the output of COPY, with CRLF and without formulas", async () => {
    const select = `copy (${TYPES}) to stdout (format csv, header)`;
    const client = new pg.Client({ connectionString: exports.url });
    await client.connect();
    await client.query("set timezone = 'UTC'");
    const copied = (await buffer(client.query(copyTo(select)))).toString();
    await client.end();
    const own = await textOf({ format: "csv", source: { query: "types" } });
    expect(own.replaceAll("'=1+1", "=1+1").replace(/\r\n(?=2,|$|1,)/g, "\n")).toBe(copied);
    expect(own).toContain(`9007199254740993,12345678901234567890.123456789012345678,1234.50,`);
  });

  it("has the requested delimiter, byte order mark, decimal point, names and formats", async () => {
    const columns = [
      { name: "money", as: "Betrag" },
      { name: "exact", decimals: 3 },
      { name: "day", date: "DD.MM.YYYY" },
      { name: "instant", as: "um", date: "DD.MM.YYYYTHH:mm:ss.SSS" },
      "id",
    ];
    const csv = { delimiter: ";", bom: true, decimal: "," } as const;
    expect(await textOf({ format: "csv", source: { query: "types" }, columns, csv, time_zone: "Europe/Berlin" })).toBe(
      "\uFEFFBetrag;exact;day;um;id\r\n1234,50;12345678901234567890,123;29.03.2026;29.03.2026T03:30:00.000;1\r\n;;;;2\r\n",
    );
    const rows = [
      { money: -1234.5, exact: 0.0005, day: "2026-03-29", instant: "2026-03-29T01:30:00Z", id: 1 },
      { day: "never" },
    ];
    expect(
      await textOf({
        format: "csv",
        source: { rows },
        columns,
        csv: { ...csv, header: false },
        time_zone: "Europe/Berlin",
      }),
    ).toBe("\uFEFF-1234,5;0,001;29.03.2026;29.03.2026T03:30:00.000;1\r\n;;never;;\r\n");
  });

  it("may repeat a name, as in the query", async () => {
    expect(await textOf({ format: "csv", source: { query: "twice" } })).toBe("a,a\r\n1,2\r\n");
  });
});

describe("JSON of a query", () => {
  it("is exact, and has the requested names and formats", async () => {
    const source = { query: "types" };
    const text = await textOf({
      format: "ndjson",
      source,
      columns: ["big", "exact", "list", "doc", { name: "instant", as: "at" }],
      time_zone: "Europe/Berlin",
    });
    expect(text.split("\n")[0]).toBe(
      String.raw`{"big":9007199254740993,"exact":12345678901234567890.123456789012345678,"list":["x",null,"y,\"z"],"doc":{"a": [1,  2]},"at":"2026-03-29T03:30:00+02:00"}`,
    );
    expect(
      JSON.parse(
        await textOf({
          format: "json",
          source,
          columns: [
            { name: "money", decimals: 1 },
            { name: "wall", date: "YYYY" },
          ],
        }),
      ),
    ).toEqual([
      { money: 1234.5, wall: "2026" },
      { money: null, wall: null },
    ]);
  });
});
