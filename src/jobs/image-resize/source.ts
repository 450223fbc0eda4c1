/** Reads the bytes of an image: from the payload, an artifact or a URL. */
import { buffer } from "node:stream/consumers";
import { type Static, Type } from "typebox";
import { artifactReference, openByReference } from "../../artifacts/by-reference.ts";
import type { ArtifactStore } from "../../artifacts/store.ts";
import type { PermanentError } from "../../core/job-type.ts";
import { codeOf, messageOf } from "../../errors.ts";
import { assertSuccess, isSelfExplanatory } from "../../net/http-outcome.ts";
import type { Outbound, OutboundResponse } from "../../net/outbound.ts";
import { imageError } from "./error-codes.ts";

/** The most bytes of an encoded image: enough for a barely compressible PNG of 20 megapixels. */
export const MAX_SOURCE_BYTES = 67_108_864;
/** The time limit for fetching a source, redirects included. It leaves most of an attempt for the image itself. */
const FETCH_TIMEOUT_MS = 30_000;
const FETCH_REDIRECTS = 3;

const closed = { additionalProperties: false };

/** The schema of an image source in a payload. */
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
        artifact: artifactReference("JOB_ID/NAME. The API key needs the scope `read`"),
      },
      closed,
    ),
  ],
  { description: "The image: a URL to fetch, base64 in the payload, or an artifact of another job." },
);

export type ImageSource = Static<typeof imageSource>;

/**
 * Reads the bytes of an image.
 * @throws {PermanentError} `image_too_large`, `source_refused` (a final HTTP status), `target_refused`,
 * `encoding_unknown`, `artifact_unknown`
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
  const stored = await openByReference(store, reference);
  if (stored.bytes > MAX_SOURCE_BYTES) throw tooLarge();
  return buffer(stored.read());
}

async function fetchImage(url: string, outbound: Outbound, signal: AbortSignal): Promise<Buffer> {
  const response = await request(url, outbound, signal);
  assertSuccess(response, imageError, {
    message: `the source returned HTTP ${response.status}`,
    codes: { final: "source_refused", retry: "source_unreachable", busy: "source_busy" },
    nowMs: Date.now(),
  });
  return response.body;
}

async function request(url: string, outbound: Outbound, signal: AbortSignal): Promise<OutboundResponse> {
  try {
    return await outbound.fetch(url, {
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
  } catch (thrown) {
    if (codeOf(thrown) === "too_large") throw tooLarge();
    if (isSelfExplanatory(thrown)) throw thrown;
    throw imageError.retryable(
      "source_unreachable",
      `the source cannot be fetched (${codeOf(thrown) ?? "unknown"}): ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}

function tooLarge(): PermanentError {
  return imageError.permanent("image_too_large", `the image has more than ${MAX_SOURCE_BYTES} bytes`);
}
