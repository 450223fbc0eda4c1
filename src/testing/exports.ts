/** Runs exports of queries that a test gives as SQL. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { AttemptContext } from "../core/job-type.ts";
import dataExport from "../jobs/data-export/data-export.ts";
import { noThread } from "./no-thread.ts";
import { tempDir } from "./services.ts";

export type ExportPayload = Parameters<typeof dataExport.run>[0];
type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";

export interface ExportRun {
  /** The file of a payload, as text. @throws the error that the job would fail with */
  readonly run: (payload: ExportPayload) => Promise<string>;
  /** The file of a query. */
  readonly exported: (sql: string, payload: Omit<ExportPayload, "source">) => Promise<string>;
}

/** @param url the URL of the database */
export async function openExports(url: string): Promise<ExportRun> {
  const queries = join(tempDir(), "queries");
  mkdirSync(queries);
  const settings = {
    ARTIFACTS_DIR: tempDir(),
    DATABASE_URL: url,
    EXPORT_DATABASE_URL: "",
    EXPORT_QUERIES_DIR: queries,
    EXPORT_QUERY_TIMEOUT_MS: 20_000,
  };
  const resource = (await dataExport.open?.({
    ...settings,
    ARTIFACT_LINK_SECRET: "",
    ARTIFACT_LINK_TTL: 60,
    PUBLIC_URL: "",
  })) as Resource;
  const run = async (payload: ExportPayload): Promise<string> => {
    const issues = dataExport.check?.(payload) ?? [];
    if (issues.length > 0) throw new Error(`the payload is not valid: ${JSON.stringify(issues)}`);
    const context = {
      jobId: JOB_ID,
      attempt: 1,
      timeoutMs: 30_000,
      resource,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
      onThread: noThread,
    };
    const { artifact } = (await dataExport.run(payload, context)) as { artifact: string };
    const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name: artifact });
    return (await buffer(stored?.read() ?? new Blob([]).stream())).toString();
  };
  let files = 0; // a file for each query: exports may run at the same time
  const exported = (sql: string, payload: Omit<ExportPayload, "source">): Promise<string> => {
    const query = `q${(files += 1)}`;
    writeFileSync(join(queries, `${query}.sql`), sql);
    return run({ ...payload, source: { query } });
  };
  return { run, exported };
}
