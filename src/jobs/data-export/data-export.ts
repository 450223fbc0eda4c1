/** Job type `data_export`: rows of the payload, of a query of the operator, or of the job history, as a file. */
import { pipeline, Readable } from "node:stream";
import { Type } from "typebox";
import { artifactSettings, openArtifactStore } from "../../artifacts/settings.ts";
import { type ArtifactLinks, linkSettings, openArtifactLinks } from "../../artifacts/signed-link.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import { type AttemptContext, defineJob, exponential, payloadJsonOf, type Services } from "../../core/job-type.ts";
import { createCompressor, extensionOf } from "./compression.ts";
import { exportErrors } from "./error-codes.ts";
import {
  compressionOf,
  type ExportPayload,
  exportPayload,
  issuesOfExport,
  issuesOfQuery,
  layoutOf,
} from "./export-payload.ts";
import { type QuerySettings, querySettings } from "./export-settings.ts";
import type { ExportSource } from "./export-source.ts";
import { encodeFile } from "./file-encoder.ts";
import { jobHistoryQuery, jobHistoryRules } from "./job-history.ts";
import type { Layout } from "./layout.ts";
import { loadExport } from "./load-export.ts";
import { readNamedQuery } from "./named-query.ts";
import { exactParams, rowsOf } from "./payload-text.ts";
import { openQuery } from "./query-source.ts";
import { openRows } from "./row-source.ts";

/** How often progress is reported: readers see it no more often than the lease is renewed. */
const PROGRESS_EVERY_MS = 500;

interface Resource {
  readonly store: ArtifactStore;
  readonly queries: QuerySettings;
  readonly links: ArtifactLinks;
  readonly services: Pick<Services, "redactPayload">;
}

interface ExportResult {
  /** The name of the artifact. */
  readonly artifact: string;
  /** `JOB_ID/NAME`: as payloads of other jobs name it. */
  readonly artifact_ref: string;
  /** The number of rows, without the header of CSV. */
  readonly rows: number;
  readonly bytes: number;
  /** The digest of the file, in hexadecimal. */
  readonly sha256: string;
  /** A link that downloads the file without an API key until it expires, if ARTIFACT_LINK_SECRET is set. */
  readonly link?: string;
  readonly link_expires_at?: string;
}

export default defineJob({
  type: "data_export",
  description: "Writes rows, the result of a named query, or the job history to a file.",
  lane: "cpu",
  maxBodyBytes: 16 * 1024 * 1024,
  payload: exportPayload,
  loadTest: { share: 10, payload: loadExport },
  check: issuesOfExport,
  checkHere: issuesOfQuery,
  needsRead: ({ source }) => "jobs" in source,
  settings: Type.Object({ ...artifactSettings, ...querySettings, ...linkSettings }),
  result: Type.Object({
    artifact: Type.String(),
    artifact_ref: Type.String({ description: "`JOB_ID/NAME`, for the payload of another job" }),
    rows: Type.Integer(),
    bytes: Type.Integer(),
    sha256: Type.String(),
    link: Type.Optional(Type.String()),
    link_expires_at: Type.Optional(Type.String({ format: "date-time" })),
  }),
  errors: exportErrors,
  attempts: 3,
  timeoutMs: 600_000,
  backoff: exponential(1_000, 600_000),
  open: async (settings, services): Promise<Resource> => ({
    store: await openArtifactStore(settings),
    queries: settings,
    links: openArtifactLinks(settings),
    services: services ?? {},
  }),
  run: exportRows,
});

async function exportRows(payload: ExportPayload, context: AttemptContext<Resource>): Promise<ExportResult> {
  const { jobId, attempt, resource, progress } = context;
  const name = artifactName(payload);
  const layout = layoutOf(payload);
  const source = await openSource({ payload, json: payloadJsonOf(payload, context) }, layout, resource);
  try {
    const bytes = Readable.from(encodeFile(source, layout, progressOf(source, progress)), { highWaterMark: 2 });
    const written = await resource.store.write({ jobId, attempt, name }, compressed(bytes, payload));
    const link = resource.links.sign({ jobId, name }, Date.now());
    return {
      artifact: name,
      artifact_ref: `${jobId}/${name}`,
      rows: source.rowCount(),
      ...written,
      ...(link && { link: link.url, link_expires_at: link.expiresAt.toISOString() }),
    };
  } finally {
    await source.close();
  }
}

interface PayloadText {
  readonly payload: ExportPayload;
  readonly json: string;
}

async function openSource(
  { payload: { source }, json }: PayloadText,
  layout: Layout,
  { queries: settings, services }: Resource,
): Promise<ExportSource> {
  if ("rows" in source) return openRows(rowsOf(json), layout, source.keys);
  const options = {
    url: settings.DATABASE_URL,
    timeoutMs: settings.EXPORT_QUERY_TIMEOUT_MS,
    timeZone: layout.timeZone,
  };
  if ("jobs" in source)
    return openQuery(options, jobHistoryQuery(source.jobs), layout, jobHistoryRules(source.jobs, services));
  const url = settings.EXPORT_DATABASE_URL || settings.DATABASE_URL;
  const query = { ...source, params: exactParams(source.params ?? {}, () => json) };
  return openQuery({ ...options, url }, await readNamedQuery(settings.EXPORT_QUERIES_DIR, query), layout);
}

/**
 * Reports the share of written rows, if the total is known; at most 99, because an estimate may be low and the end of
 * the file is missing.
 */
function progressOf({ expectedRows }: ExportSource, progress: (percent: number) => void): (rows: number) => void {
  let reportedMs = performance.now();
  return (rows) => {
    const nowMs = performance.now();
    if (expectedRows === undefined || nowMs - reportedMs < PROGRESS_EVERY_MS) return;
    reportedMs = nowMs;
    progress(Math.min(99, Math.floor((100 * rows) / Math.max(1, expectedRows))));
  };
}

function compressed(bytes: Readable, payload: ExportPayload): Readable {
  const compression = compressionOf(payload);
  // an error of either destroys the other, and the store throws it
  return compression === undefined ? bytes : pipeline(bytes, createCompressor(compression), () => undefined);
}

/** Ends with the extensions of its format and compression, so that it is served with the right content type. */
function artifactName(payload: ExportPayload): string {
  const { format, filename = "export" } = payload;
  const compression = compressionOf(payload);
  const bare = filename.replace(/\.(?:gz|zst)$/, "");
  const named = bare.endsWith(`.${format}`) ? bare : `${bare}.${format}`;
  return compression === undefined ? named : `${named}.${extensionOf(compression)}`;
}
