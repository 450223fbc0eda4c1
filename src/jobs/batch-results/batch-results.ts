/**
 * Writes the results of the jobs of a batch to a file, one line for each, in the order of their ids. The program adds a
 * job of this type to a flow whose nodes refer to the result of a batch. An attempt that is repeated writes the whole
 * file again.
 */
import { Readable } from "node:stream";
import { Type } from "typebox";
import { artifactSettings, openArtifactStore } from "../../artifacts/settings.ts";
import { type ArtifactLinks, linkSettings, openArtifactLinks } from "../../artifacts/signed-link.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import type { BatchJob, BatchResults } from "../../core/flows/batch-results.ts";
import { RESULTS_TYPE } from "../../core/flows/graph.ts";
import { type AttemptContext, defineJob, exponential, type Services } from "../../core/job-type.ts";
import { oneLine } from "../../core/packed-job.ts";
import { batchResultsError, batchResultsErrors } from "./error-codes.ts";

const FILE = "results.ndjson";
/** A million results of 1 KiB take a few minutes. */
const TIMEOUT_MS = 3_600_000;

interface Resource {
  readonly store: ArtifactStore;
  readonly links: ArtifactLinks;
  readonly results: BatchResults;
}

interface Counts {
  completed: number;
  failed: number;
  cancelled: number;
}

interface BatchResult extends Counts {
  readonly total: number;
  readonly artifact: string;
  /** The file, as other jobs refer to artifacts. */
  readonly results_ref: string;
  readonly bytes: number;
  /** A link that downloads the file without an API key until it expires, if ARTIFACT_LINK_SECRET is set. */
  readonly link?: string;
  readonly link_expires_at?: string;
}

export default defineJob({
  type: RESULTS_TYPE,
  description: "Writes the results of a batch to a file, for the jobs of a flow that refer to them.",
  lane: "io",
  payload: Type.Object(
    {
      flow_id: Type.String({ format: "uuid", description: "The flow or batch" }),
      node: Type.String({ minLength: 1, maxLength: 256, description: "The name of the batch in the flow" }),
    },
    {
      additionalProperties: false,
      examples: [{ flow_id: "01a20b8f-dc59-7000-a0b8-709b0c88f80f", node: "thumbs" }],
    },
  ),
  result: Type.Object({
    total: Type.Integer(),
    completed: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
    artifact: Type.String(),
    results_ref: Type.String(),
    bytes: Type.Integer(),
    link: Type.Optional(Type.String()),
    link_expires_at: Type.Optional(Type.String({ format: "date-time" })),
  }),
  needsAdmin: true,
  settings: Type.Object({ ...artifactSettings, ...linkSettings }),
  errors: batchResultsErrors,
  attempts: 25,
  timeoutMs: TIMEOUT_MS,
  backoff: exponential(1_000, 60_000),
  open: async (settings, services?: Services): Promise<Resource> => {
    if (!services?.batchResults) throw new Error("the results of batches are read on the main thread of a replica");
    return {
      store: await openArtifactStore(settings),
      links: openArtifactLinks(settings),
      results: services.batchResults,
    };
  },
  run: writeResults,
});

async function writeResults(
  { flow_id, node }: { readonly flow_id: string; readonly node: string },
  { jobId, attempt, resource, signal, progress }: AttemptContext<Resource>,
): Promise<BatchResult> {
  const { store, links, results } = resource;
  const batch = await results.jobsOf(flow_id, node);
  if (!batch) throw batchResultsError.permanent("batch_missing", `Flow ${flow_id} has no batch ${node}.`);
  const { total, pages } = batch;
  const counts: Counts = { completed: 0, failed: 0, cancelled: 0 };
  const bytes = Readable.from(lines(pages, counts, signal, (done) => progress(Math.floor((99 * done) / total))));
  const written = await store.write({ jobId, attempt, name: FILE }, bytes);
  const link = links.sign({ jobId, name: FILE }, Date.now());
  return {
    total,
    ...counts,
    artifact: FILE,
    results_ref: `${jobId}/${FILE}`,
    bytes: written.bytes,
    ...(link && { link: link.url, link_expires_at: link.expiresAt.toISOString() }),
  };
}

/** The lines of the file, a page at a time. Counts the jobs. */
async function* lines(
  pages: AsyncIterable<readonly BatchJob[]>,
  counts: Counts,
  signal: AbortSignal,
  onPage: (done: number) => void,
): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const jobs of pages) {
    signal.throwIfAborted();
    for (const { status } of jobs) counts[status] += 1;
    done += jobs.length;
    if (jobs.length > 0) yield Buffer.from(jobs.map(lineOf).join(""));
    onPage(done);
  }
}

function lineOf({ id, status, result, error }: BatchJob): string {
  return `{"id":"${id}","status":"${status}","result":${oneLine(result ?? "null")},"error":${oneLine(error ?? "null")}}\n`;
}
