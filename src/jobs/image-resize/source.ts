import { buffer } from "node:stream/consumers";
import { type Static, Type } from "typebox";
import {
  ARTIFACT_REFERENCE_EXPECTED,
  ARTIFACT_REFERENCE_PATTERN,
  parseArtifactReference,
} from "../../artifacts/key.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import { codeOf, messageOf } from "../../errors.ts";
import type { Outbound, OutboundResponse } from "../../net/outbound.ts";
import { retryAfterMs } from "../../net/retry-after.ts";
import { NameRejected } from "../../net/target.ts";

/** The most bytes that an image may have before it is decoded: a PNG of 20 megapixels, hardly compressed, passes. */
export const MAX_SOURCE_BYTES = 67_108_864;
/** Of a source's answer, redirects included: leaves most of an attempt to the image itself. */
const FETCH_TIMEOUT_MS = 30_000;
const FETCH_REDIRECTS = 3;
/** What a 429 without a usable Retry-After waits: a minute, the window over which most limits count. */
const DEFAULT_RETRY_AFTER_MS = 60_000;

const closed = { additionalProperties: false };

/** Where an image comes from, for a payload's schema. */
export const imageSource = Type.Union(
  [
    Type.Object(
      {
        url: Type.String({ minLength: 1, maxLength: 2_048, description: "An http or https URL without credentials." }),
      },
      closed,
    ),
    Type.Object(
      {
        base64: Type.String({
          minLength: 4,
          maxLength: 16_777_216,
          pattern: "^[A-Za-z0-9+/]+={0,2}$",
          expected: "base64 in one line, without a data: prefix",
        }),
      },
      closed,
    ),
    Type.Object(
      {
        artifact: Type.String({
          pattern: ARTIFACT_REFERENCE_PATTERN,
          expected: ARTIFACT_REFERENCE_EXPECTED,
          description: "JOB_ID/NAME. It needs a key with the scope `read`",
        }),
      },
      closed,
    ),
  ],
  { description: "The image: to be fetched, in the payload itself, or what another job produced." },
);

export type ImageSource = Static<typeof imageSource>;

/**
 * Reads the bytes of an image.
 * @throws {PermanentError} `image_too_large`, `source_refused` (an HTTP status that no repeat mends), `target_refused`, `encoding_unknown`, `artifact_unknown`
 * @throws {RetryableError} `source_unreachable`, `encoding_invalid`; `target_refused` for a host name
 * @throws {RetryAfterError} `source_busy` (HTTP 429)
 */
export async function readImage(
  source: ImageSource,
  store: ArtifactStore,
  outbound: Outbound,
  signal: AbortSignal,
): Promise<Buffer> {
  if ("base64" in source) return Buffer.from(source.base64, "base64");
  return "artifact" in source ? readArtifact(source.artifact, store) : fetchImage(source.url, outbound, signal);
}

async function readArtifact(reference: string, store: ArtifactStore): Promise<Buffer> {
  const { jobId, name } = parseArtifactReference(reference);
  const key = await store.find(jobId, name);
  const stored = key && (await store.open(key));
  if (stored === undefined) throw new PermanentError(`there is no artifact ${reference}`, { code: "artifact_unknown" });
  if (stored.bytes > MAX_SOURCE_BYTES) throw tooLarge();
  return buffer(stored.read());
}

/** The client lives no longer than the attempt: between attempts a pool thread stands still and could not tend a kept-alive socket. */
async function fetchImage(url: string, outbound: Outbound, signal: AbortSignal): Promise<Buffer> {
  try {
    const answer = await outbound.fetch(url, {
      headers: {
        accept: "image/jpeg, image/png, image/webp, image/avif, image/gif, image/tiff",
        "accept-encoding": "identity",
        "user-agent": "TaskFlow",
      },
      signal,
      timeoutMs: FETCH_TIMEOUT_MS,
      followRedirects: FETCH_REDIRECTS,
      maxBytes: MAX_SOURCE_BYTES,
      onExcess: "fail",
    });
    judge(answer);
    return answer.body;
  } catch (thrown) {
    if (thrown instanceof PermanentError && thrown.code === "too_large") throw tooLarge();
    if (
      thrown instanceof PermanentError ||
      thrown instanceof RetryAfterError ||
      thrown instanceof NameRejected ||
      codeOf(thrown) === "encoding_invalid"
    )
      throw thrown;
    throw new RetryableError(`the source gave no image (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`, {
      code: "source_unreachable",
      cause: thrown,
    });
  }
}

function judge({ status, headers }: OutboundResponse): void {
  if (status >= 200 && status < 300) return;
  const message = `the source answered with HTTP ${status}`;
  if (status === 429)
    throw new RetryAfterError(message, retryAfterMs(headers["retry-after"], Date.now()) ?? DEFAULT_RETRY_AFTER_MS, {
      code: "source_busy",
    });
  if (status === 408 || status === 425 || status >= 500)
    throw new RetryableError(message, { code: "source_unreachable" });
  throw new PermanentError(message, { code: "source_refused" });
}

function tooLarge(): PermanentError {
  return new PermanentError(`the image has more than ${MAX_SOURCE_BYTES} bytes`, { code: "image_too_large" });
}
