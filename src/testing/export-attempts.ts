/**
 * Attempts of data_export in a test, each with a store, a folder of queries and, if the test needs one, a database.
 */
import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import pg from "pg";
import { Compile } from "typebox/compile";
import { expect } from "vitest";
import { type AttemptContext } from "../core/job-type.ts";
import dataExport from "../jobs/data-export/data-export.ts";
import { noThread } from "./no-thread.ts";
import { freshDatabase, tempDir } from "./services.ts";

export type Payload = Parameters<typeof dataExport.run>[0];
export type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];
export interface Result {
  readonly artifact: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const NO_LINKS = { ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" };
export const validator = Compile(dataExport.payload);

/** A store, a folder of queries and, if a test needs one, a database; each run is one attempt. */
export async function setup(queries: Readonly<Record<string, string>> = {}, timeoutMs = 20_000) {
  const root = tempDir();
  const database = Object.keys(queries).length === 0 ? "" : (await freshDatabase()).url;
  await mkdir(join(root, "queries"));
  for (const [name, sql] of Object.entries(queries)) writeFileSync(join(root, "queries", `${name}.sql`), sql);
  const settings = {
    ARTIFACTS_DIR: join(root, "artifacts"),
    DATABASE_URL: database,
    EXPORT_DATABASE_URL: "",
    EXPORT_QUERIES_DIR: join(root, "queries"),
    EXPORT_QUERY_TIMEOUT_MS: timeoutMs,
    ...NO_LINKS,
  };
  const resource = (await dataExport.open?.(settings)) as Resource;
  const run = async (payload: Payload, store = resource.store): Promise<Result> => {
    expect(validator.Check(payload)).toBe(true);
    expect(dataExport.check?.(payload)).toEqual([]);
    const context = {
      jobId: JOB_ID,
      attempt: 1,
      timeoutMs: 30_000,
      resource: { ...resource, store },
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
      onThread: noThread,
    };
    return (await dataExport.run(payload, context)) as Result;
  };
  const fileOf = async ({ artifact, bytes, sha256 }: Result): Promise<Buffer> => {
    const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
    const content = await buffer(stored?.read() ?? new Blob([]).stream());
    expect({ bytes, sha256 }).toEqual({
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    });
    return content;
  };
  const textOf = async (payload: Payload): Promise<string> => (await fileOf(await run(payload))).toString();
  const failureOf = async (payload: Payload): Promise<unknown> => {
    const thrown: unknown = await run(payload).catch((error: unknown) => error);
    expect(readdirSync(join(root, "artifacts"))).toEqual(["tmp"]);
    expect(readdirSync(join(root, "artifacts", "tmp"))).toEqual([]);
    return thrown;
  };
  return { root, resource, database, run, fileOf, textOf, failureOf };
}

/** Counts the connections of exports to a database. */
export async function exportConnections(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::int as n from pg_stat_activity where application_name = 'taskflow-export' and datname = current_database()",
  );
  await client.end();
  return rows[0]?.n ?? -1;
}
