/**
 * Stores artifacts in a bucket of S3 or of a compatible server: `<prefix><job>/<attempt>/<name>`. An object exists once
 * its upload is complete, so an artifact is complete or absent. The AWS SDK is loaded only if a bucket is configured.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { CodedError } from "../errors.ts";
import { reasonOf } from "../observability/reason.ts";
import { contentTypeOf } from "./content-type.ts";
import { artifactError } from "./error-codes.ts";
import { type ArtifactKey, isArtifactKey } from "./key.ts";
import type { Bucket } from "./s3-bucket.ts";
import type { S3Location } from "./s3-location.ts";
import { removeJob, removeOlderThan } from "./s3-retention.ts";
import type { ArtifactStore, ByteRange, StoredArtifact, WrittenArtifact } from "./store.ts";

/** S3 allows 10,000 parts: an artifact may have 80 GB, and one write keeps at most two parts in memory. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
const CONNECTION_TIMEOUT_MS = 5_000;
/** The time limit of one request without a response. */
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * Opens a bucket; nothing is sent before the first call. The AWS SDK finds the credentials (environment, files, the
 * machine's role).
 */
export async function openS3Store(location: S3Location): Promise<ArtifactStore> {
  const s3 = await import("@aws-sdk/client-s3");
  const client = new s3.S3Client({
    region: location.region,
    forcePathStyle: location.isPathStyle,
    ...(location.endpoint !== undefined && { endpoint: location.endpoint }),
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    // older compatible servers reject the checksums that S3 introduced in 2025
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const bucket: Bucket = { ...location, s3, client };
  return {
    write: (key, source) => write(bucket, key, source),
    find: (jobId, name) => find(bucket, jobId, name),
    open: (key) => openArtifact(bucket, key),
    removeJob: (jobId) => removeJob(bucket, jobId),
    removeOlderThan: (ageMs, signal) => removeOlderThan(bucket, ageMs, signal),
  };
}

function objectKey(bucket: Bucket, { jobId, attempt, name }: ArtifactKey): string {
  return `${bucket.prefix}${jobId}/${attempt}/${name}`;
}

async function write(bucket: Bucket, key: ArtifactKey, source: Readable | Buffer): Promise<WrittenArtifact> {
  let sourceIssue: Error | undefined;
  try {
    if (!isArtifactKey(key))
      throw new CodedError("artifact_key_invalid", 400, `not a valid artifact name: ${JSON.stringify(key)}`);
    const { Upload } = await import("@aws-sdk/lib-storage");
    const hash = createHash("sha256");
    let bytes = 0;
    const measured = async function* (): AsyncGenerator<Buffer> {
      try {
        for await (const chunk of Buffer.isBuffer(source) ? [source] : (source as AsyncIterable<Buffer>)) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      } catch (thrown) {
        sourceIssue = thrown instanceof Error ? thrown : new Error(String(thrown));
        throw sourceIssue;
      }
    };
    const params = {
      Bucket: bucket.name,
      Key: objectKey(bucket, key),
      Body: Readable.from(measured(), { objectMode: false }),
      ContentType: contentTypeOf(key.name),
    };
    // a failed upload is aborted, and its parts are deleted
    await new Upload({
      client: bucket.client,
      params,
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
      leavePartsOnError: false,
    }).done();
    return { bytes, sha256: hash.digest("hex") };
  } catch (thrown) {
    if (sourceIssue !== undefined) throw sourceIssue; // even if deleting the parts failed
    throw ofServer(thrown)
      ? artifactError.retryable(
          "artifact_store_failed",
          `the artifact store did not accept the file: ${reasonOf(thrown)}`,
          { cause: thrown },
        )
      : thrown;
  } finally {
    if (!Buffer.isBuffer(source)) source.destroy(); // it may not have been read to its end
  }
}

async function find(bucket: Bucket, jobId: string, name: string): Promise<ArtifactKey | undefined> {
  if (!isArtifactKey({ jobId, attempt: 1, name })) return undefined;
  const prefix = `${bucket.prefix}${jobId}/`;
  let newest = 0;
  for await (const { Contents = [] } of bucket.s3.paginateListObjectsV2(
    { client: bucket.client },
    { Bucket: bucket.name, Prefix: prefix },
  )) {
    for (const { Key = "" } of Contents) {
      const [attempt = "", found] = Key.slice(prefix.length).split("/");
      if (found === name && Number(attempt) > newest) newest = Number(attempt);
    }
  }
  return newest === 0 ? undefined : { jobId, attempt: newest, name };
}

async function openArtifact(bucket: Bucket, key: ArtifactKey): Promise<StoredArtifact | undefined> {
  if (!isArtifactKey(key)) return undefined;
  const object = { Bucket: bucket.name, Key: objectKey(bucket, key) };
  try {
    const {
      ContentLength = 0,
      ETag = '""',
      LastModified = new Date(0),
    } = await bucket.client.send(new bucket.s3.HeadObjectCommand(object));
    return {
      bytes: ContentLength,
      contentType: contentTypeOf(key.name),
      etag: ETag,
      modifiedAt: LastModified,
      read: (range) => Readable.from(bytesOf(bucket, { ...object, IfMatch: ETag }, range), { objectMode: false }),
    };
  } catch (thrown) {
    if (statusOf(thrown) === 404) return undefined;
    throw thrown;
  }
}

/** IfMatch: the bytes belong to the reported length and entity tag, or the request fails. */
async function* bytesOf(
  bucket: Bucket,
  object: { Bucket: string; Key: string; IfMatch: string },
  range: ByteRange | undefined,
): AsyncGenerator<Buffer> {
  const part = range && { Range: `bytes=${range.start}-${range.end}` };
  const { Body } = await bucket.client.send(new bucket.s3.GetObjectCommand({ ...object, ...part }));
  yield* Body as Readable as AsyncIterable<Buffer>;
}

/** Whether the server or the connection failed, and not the source. */
function ofServer(thrown: unknown): boolean {
  return thrown instanceof Error && "$metadata" in thrown;
}

function statusOf(thrown: unknown): number | undefined {
  return (thrown as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}
