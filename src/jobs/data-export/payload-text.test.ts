import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseSubmission } from "../../core/submission.ts";
import { loadRegistry } from "../registry.ts";
import { readNamedQuery } from "./named-query.ts";
import { exactParams, type QueryParameters, rowsOf } from "./payload-text.ts";

const folder = mkdtempSync(join(tmpdir(), "queries-"));
writeFileSync(
  join(folder, "by-id.sql"),
  "-- @param id bigint\n-- @param price numeric\n-- @param ids bigint[]\nselect :id, :price, :ids, :other",
);
const payloadOf = (params: string): string => `{"format":"csv","source":{"query":"by-id","params":${params}}}`;
const EXACT = '{"id":9223372036854775807,"price":0.1234567890123456789,"ids":[9007199254740993,1.0],"other":1e2}';

it("rows are taken from the payload unchanged, from the last `rows` of the last `source`", () => {
  expect(rowsOf('{"source":{"rows":[{}]},"source":{"rows":[],"rows":[ {"10":1.0} , {"2":-0} ]}}')).toEqual([
    '{"10":1.0}',
    '{"2":-0}',
  ]);
  expect(rowsOf('{"source":{"query":"q"}}')).toEqual([]);
});

it("parameters reach the query with every digit, and as doubles if they are exact", async () => {
  const params = exactParams(JSON.parse(EXACT) as QueryParameters, () => payloadOf(EXACT));
  expect(await readNamedQuery(folder, { query: "by-id", params })).toContain(
    "'9223372036854775807'::bigint ,  '0.1234567890123456789'::numeric ,  '{\"9007199254740993\",\"1\"}'::bigint[] ,  '100' ",
  );
});

it("parameters without a number are not parsed again", () => {
  const params = { a: "9007199254740993", b: [null, true] };
  expect(exactParams(params, () => expect.fail("read"))).toBe(params);
});

it.each([
  [EXACT, []],
  [
    EXACT.replace("9223372036854775807", "9223372036854775808"),
    [{ path: "/payload/source/params/id", message: "expected an integer within 2^63" }],
  ],
])("parameters are checked with every digit when the job is submitted: %s", async (params, issues) => {
  const { get } = await loadRegistry({ settings: { EXPORT_QUERIES_DIR: folder } });
  const json = `{"type":"data_export","payload":${payloadOf(params)}}`;
  const parsed = parseSubmission(JSON.parse(json), json, get, 0, "redis");
  expect("issues" in parsed ? parsed.issues : []).toEqual(issues);
});

it("an infinite parameter is rejected with its path", async () => {
  const { get } = await loadRegistry({ settings: { EXPORT_QUERIES_DIR: folder } });
  const json = `{"type":"data_export","payload":${payloadOf('{"id":1e400}')}}`;
  const parsed = parseSubmission(JSON.parse(json), json, get, 0, "redis");
  expect("issues" in parsed ? parsed.issues : []).toEqual([
    expect.objectContaining({ path: expect.stringContaining("/payload/source") as string }),
  ]);
});
