/** Jobs of type data_export in a test: run as a worker runs them, on a real database. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { AttemptContext } from "../core/job-type.ts";
import dataExport from "../jobs/data-export/data-export.ts";
import { noThread } from "./no-thread.ts";
import { freshDatabase, tempDir } from "./services.ts";

export type ExportPayload = Parameters<typeof dataExport.run>[0];
type Resource = AttemptContext<Awaited<ReturnType<NonNullable<typeof dataExport.open>>>>["resource"];

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";

/**
 * @returns a function that runs an export, from its payload or its JSON, and reads its file.
 * @param queries the SQL by name
 */
export async function openExports(
  queries: Readonly<Record<string, string>>,
): Promise<(given: ExportPayload | string) => Promise<Buffer>> {
  const root = tempDir();
  const { url } = await freshDatabase();
  const folder = join(root, "queries");
  await mkdir(folder);
  for (const [name, sql] of Object.entries(queries)) await writeFile(join(folder, `${name}.sql`), sql);
  const links = { ARTIFACT_LINK_SECRET: "", ARTIFACT_LINK_TTL: 60, PUBLIC_URL: "" };
  const settings = {
    ARTIFACTS_DIR: join(root, "artifacts"),
    DATABASE_URL: "",
    EXPORT_DATABASE_URL: url,
    EXPORT_QUERIES_DIR: folder,
    EXPORT_QUERY_TIMEOUT_MS: 20_000,
    ...links,
  };
  const resource = (await dataExport.open?.(settings)) as Resource;
  return async (given) => {
    const payloadJson = typeof given === "string" ? given : JSON.stringify(given);
    const payload = JSON.parse(payloadJson) as ExportPayload;
    const issues = dataExport.check?.(payload) ?? [];
    if (issues.length > 0) throw new Error(`the payload is invalid: ${JSON.stringify(issues)}`);
    const context = {
      payloadJson,
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
    if (!stored) throw new Error(`there is no artifact ${artifact}`);
    return buffer(stored.read());
  };
}
