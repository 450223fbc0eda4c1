/** Exports of queries in every format, on a database of the test. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { parquetReadObjects } from "hyparquet";
import { expect } from "vitest";
import type { AttemptContext } from "../core/job-type.ts";
import dataExport from "../jobs/data-export/data-export.ts";
import { noThread } from "./no-thread.ts";
import { freshDatabase, tempDir } from "./services.ts";

export type Payload = Parameters<typeof dataExport.run>[0];
type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const NO_LINKS = { ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" };
/** One row of values that conversions easily lose, and one row of nulls. */
export const TYPES = `
  select n as id, case when n = 1 then 9007199254740993 end as big, case when n = 1 then 12345678901234567890.123456789012345678::numeric end as exact,
    (case when n = 1 then 1234.50 end)::numeric(10,2) as money, (case when n = 1 then 123456789012345678901234567890.12 end)::numeric(38,2) as wide,
    case when n = 1 then 0.1::float8 end as ratio, case when n = 1 then true end as yes, case when n = 1 then date '2026-03-29' end as day,
    case when n = 1 then timestamp '2026-01-31 12:00:00.123456' end as wall, case when n = 1 then timestamptz '2026-03-29 01:30:00Z' end as instant,
    case when n = 1 then json '{"a": [1,\n 2]}' end as doc, case when n = 1 then array['x', null, 'y,"z'] end as list, case when n = 1 then bytea '\\x00ff' end as bytes,
    case when n = 1 then e'=1+1\\t\\\\ "é" \\u0001 _x0041_ <&>\\r\\n' end as text, case when n = 1 then uuid '01890a5d-ac96-7000-babc-b302099a8057' end as uuid
  from generate_series(1, 2) as n order by n`;
const QUERIES = {
  types: TYPES,
  rows: "select n as id, 'row ' || n as name, n * 1.5 as total from generate_series(1, :count::int) as n",
  infinite: "select timestamptz 'infinity' as at",
  nan: "select 'NaN'::numeric(5,2) as amount",
  long: "select repeat('x', 32768) as text",
  twice: "select 1 as a, 2 as a",
};

export interface FormatExports {
  readonly resource: Resource;
  readonly url: string;
}

/** A database with the queries, and the context of one attempt. */
export async function openFormats(): Promise<FormatExports> {
  const root = tempDir();
  const database = await freshDatabase();
  await mkdir(join(root, "queries"));
  for (const [name, sql] of Object.entries(QUERIES)) await writeFile(join(root, "queries", `${name}.sql`), sql);
  const resource = (await dataExport.open?.({
    ARTIFACTS_DIR: join(root, "artifacts"),
    DATABASE_URL: "",
    EXPORT_DATABASE_URL: database.url,
    EXPORT_QUERIES_DIR: join(root, "queries"),
    EXPORT_QUERY_TIMEOUT_MS: 20_000,
    ...NO_LINKS,
  })) as Resource;
  return { resource, url: database.url };
}

/** Runs one export, and reads its file. @param reported receives the progress */
export async function exportFile(
  { resource }: FormatExports,
  payload: Payload,
  reported: number[] = [],
): Promise<{ readonly rows: number; readonly artifact: string; readonly content: Buffer }> {
  expect(dataExport.check?.(payload)).toEqual([]);
  const context = {
    jobId: JOB_ID,
    attempt: 1,
    timeoutMs: 30_000,
    resource,
    signal: new AbortController().signal,
    progress: (percent: number) => void reported.push(percent),
    log: () => undefined,
    onThread: noThread,
  };
  const { rows, artifact } = (await dataExport.run(payload, context)) as { rows: number; artifact: string };
  const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
  return { rows, artifact, content: await buffer(stored?.read() ?? new Blob([]).stream()) };
}

/** Reads a file with hyparquet. */
export async function parquetRows(content: Buffer): Promise<Record<string, unknown>[]> {
  const file = content.buffer.slice(content.byteOffset, content.byteOffset + content.length) as ArrayBuffer;
  return (await parquetReadObjects({ file, utf8: false })) as Record<string, unknown>[];
}
