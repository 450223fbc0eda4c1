import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copyIn } from "../../postgres/exclusive-client.ts";
import { freshDatabase } from "../../testing/services.ts";
import { CopyBuffer } from "./copy-buffer.ts";

const ID = "019c1f2e-8c00-7abc-8def-0123456789af";
const TEXTS = [
  "",
  "é€😀",
  "tab\tnewline\n\\N \\",
  "sixteen letters.",
  "sixteen letterſ.",
  "x".repeat(100_000),
  "€".repeat(600_000),
];

describe("rows of COPY's binary format", () => {
  let client: pg.Client;
  beforeEach(async () => {
    client = new pg.Client({ connectionString: (await freshDatabase()).url });
    await client.connect();
    await client.query(
      "create table rows (n serial, small smallint, at timestamptz, id uuid, words text, value json, list text[])",
    );
  });
  afterEach(() => client.end());

  const rows = new CopyBuffer();
  const store = async (write: () => void): Promise<Record<string, unknown>[]> => {
    await client.query("truncate rows");
    rows.begin();
    write();
    await copyIn(client, "copy rows (small, at, id, words, value, list) from stdin (format binary)", rows.end());
    const stored = await client.query<Record<string, unknown>>(
      "select small, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC') as at, id, words, value::text, list from rows order by n",
    );
    return stored.rows;
  };
  const writeWords = (words: string): void => {
    rows.row(6);
    rows.smallint(0);
    for (let i = 0; i < 2; i += 1) rows.text(null);
    rows.text(words);
    for (let i = 0; i < 2; i += 1) rows.text(null);
  };

  it("keep every value as it was", async () => {
    const times = [0, 1, 946_684_799_999, 946_684_800_000, 1_770_000_000_123, 253_402_300_799_999, -1];
    const numbers = [0, 9, -1, 32_767, -32_768, 25, 1];
    const written = (): void => {
      times.forEach((time, i) => {
        rows.row(6);
        rows.smallint(numbers[i] ?? 0);
        rows.timestamp(time);
        rows.uuid(ID);
        rows.text(TEXTS[i] ?? "");
        rows.text(JSON.stringify({ text: TEXTS[i] }));
        rows.texts(TEXTS.slice(0, i));
      });
    };
    const expected = times.map((time, i) => ({
      small: numbers[i],
      at: `${new Date(time).toISOString().replace("T", " ").replace("Z", "000")} AD`,
      id: ID,
      words: TEXTS[i],
      value: JSON.stringify({ text: TEXTS[i] }),
      list: TEXTS.slice(0, i),
    }));
    expect(await store(written)).toEqual(expected);
    expect(await store(written)).toEqual(expected); // in the memory that is kept
  });

  it("keep nothing as NULL", async () => {
    const nothing = (): void => {
      rows.row(6);
      rows.smallint(1);
      rows.timestamp(null);
      rows.uuid(undefined);
      rows.text(null);
      rows.text(undefined);
      rows.texts([]);
    };
    expect(await store(nothing)).toEqual([{ small: 1, at: null, id: null, words: null, value: null, list: [] }]);
  });

  it("grow beyond the memory that is kept, wherever its end falls, and go back to it", async () => {
    const words = Array.from({ length: 40 }, (_, i) => "é".repeat(50_000 + i));
    const stored = await store(() => words.forEach(writeWords));
    expect(stored.map((row) => row.words)).toEqual(words);
    expect(await store(() => writeWords("a"))).toMatchObject([{ words: "a" }]);
    expect(await store(() => undefined)).toEqual([]);
  });

  it.each([
    ["is empty", ""],
    ["is a word", "no id"],
    ["is in capitals", ID.toUpperCase()],
    ["has no hyphens", ID.replaceAll("-", "")],
    ["is too long", `${ID}0`],
    ["has a digit for a hyphen", ID.replace("-", "0")],
    ["has the letter after f", ID.replace("f", "g")],
    ["has the character before 0", ID.replace("0", "/")],
    ["has the character after 9", ID.replace("9", ":")],
    ["has a character that differs from a digit in bit 5 alone", ID.replace("f", "W")],
    ["has the character before a", ID.replace("f", "`")],
    ["has the character between the two cases of letters", ID.replace("f", "_")],
    ["has a character that ends in the seven bits of a digit", ID.replace(/.$/, "\u0131")],
  ])("reject an id that %s: %j", (_, id) => {
    rows.begin();
    expect(() => rows.uuid(id)).toThrow(RangeError);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -8.65e15])("reject the time %d", (time) => {
    rows.begin();
    expect(() => rows.timestamp(time)).toThrow(RangeError);
  });

  it.each([32_768, -32_769, 1.5, Number.NaN])("reject the smallint %d", (value) => {
    rows.begin();
    expect(() => rows.smallint(value)).toThrow(RangeError);
  });
});
