/** The files of a message: in the payload, from the artifact store, or fetched. */
import { Readable } from "node:stream";
import { parseArtifactReference } from "../artifacts/key.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { PermanentError, RetryableError, RetryAfterError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import type { Outbound } from "../net/outbound.ts";
import { retryAfterMs } from "../net/retry-after.ts";
import type { EmailPayload } from "./payload.ts";
import { sliced } from "./slices.ts";

/** Base64 makes 24.6 MiB of it; 25 MiB is what the large mail services take. */
const MAX_BYTES = 18 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 10_000;
const FETCH_REDIRECTS = 3;
const DEFAULT_RETRY_AFTER_MS = 60_000;

export interface AttachmentSources {
  readonly store: ArtifactStore;
  readonly outbound: Outbound;
}

export interface AttachedFile {
  readonly filename: string;
  readonly contentType: string | undefined;
  readonly content: Buffer | Readable;
}

/**
 * Reads or opens all files of a message, one after the other; none is held open before it is sent.
 * @throws {PermanentError} `attachment_too_large` (all together), `artifact_unknown`, `attachment_refused`, `target_refused`
 * @throws {RetryableError} `attachment_unreachable`
 * @throws {RetryAfterError} `attachment_busy` (HTTP 429)
 */
export async function readAttachments(attachments: EmailPayload["attachments"] = [], { store, outbound }: AttachmentSources, signal: AbortSignal): Promise<AttachedFile[]> {
  const files: AttachedFile[] = [];
  let left = MAX_BYTES;
  const take = (bytes: number): void => {
    left -= bytes;
    if (left < 0) throw tooLarge();
  };
  for (const { filename, content_type: contentType, base64, artifact, url } of attachments) {
    let content: Buffer | Readable;
    if (artifact !== undefined) {
      const stored = await openArtifact(artifact, store);
      take(stored.bytes);
      content = Readable.from(lazily(() => stored.read()));
    } else {
      const bytes = base64 === undefined ? await fetchFile(url ?? "", outbound, left, signal) : Buffer.from(base64, "base64");
      take(bytes.length);
      content = sliced(bytes);
    }
    files.push({ filename, contentType, content });
  }
  return files;
}

/** A message that fails before this file's turn never reads it: so it is opened with its first byte. */
async function* lazily(open: () => Readable): AsyncGenerator<Buffer> {
  yield* open() as AsyncIterable<Buffer>;
}

async function openArtifact(reference: string, store: ArtifactStore) {
  const { jobId, name } = parseArtifactReference(reference);
  const key = await store.find(jobId, name);
  const stored = key && (await store.open(key));
  if (stored === undefined) throw new PermanentError(`there is no artifact ${reference}`, { code: "artifact_unknown" });
  return stored;
}

async function fetchFile(url: string, outbound: Outbound, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  try {
    const { status, headers, body } = await outbound.fetch(url, {
      headers: { "user-agent": "TaskFlow" },
      ...{ signal, timeoutMs: FETCH_TIMEOUT_MS, followRedirects: FETCH_REDIRECTS, maxBytes, onExcess: "fail" },
    });
    if (status >= 200 && status < 300) return body;
    const message = `an attachment's URL answered with HTTP ${status}`;
    if (status === 429) throw new RetryAfterError(message, retryAfterMs(headers["retry-after"], Date.now()) ?? DEFAULT_RETRY_AFTER_MS, { code: "attachment_busy" });
    if (status === 408 || status === 425 || status >= 500) throw new RetryableError(message, { code: "attachment_unreachable" });
    throw new PermanentError(message, { code: "attachment_refused" });
  } catch (thrown) {
    if (thrown instanceof PermanentError && thrown.code === "too_large") throw tooLarge();
    if (signal.aborted || thrown instanceof PermanentError || thrown instanceof RetryAfterError) throw thrown;
    throw new RetryableError(`an attachment cannot be fetched (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`, { code: "attachment_unreachable", cause: thrown });
  }
}

function tooLarge(): PermanentError {
  return new PermanentError(`the attachments have more than ${MAX_BYTES} bytes together`, { code: "attachment_too_large" });
}
