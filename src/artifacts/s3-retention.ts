import { isId, timeOfId } from "../core/id.ts";
import { CodedError } from "../errors.ts";
import { agreedTime } from "../postgres/agreed-time.ts";
import type { Bucket } from "./s3-bucket.ts";

/** The age of an abandoned upload: every attempt ends within a day. */
const ABANDONED_MS = 86_400_000;
/** The most keys that DeleteObjects takes in one call. */
const DELETED_AT_ONCE = 1_000;

/** The options of each request. */
interface RequestOptions {
  readonly abortSignal?: AbortSignal;
}

/**
 * Removes the artifacts that were written longer ago than `ageMs`, and abandoned uploads; returns the number of
 * artifacts. Keys begin with the job's id, which begins with the job's time, and artifacts are written after their job
 * is accepted: so the listing, in the order of keys, stops at the first job that is young enough. Ages are measured by
 * the server's clock, which set the objects' times.
 * @throws ClocksDiffer if this machine's clock does not agree
 */
export async function removeOlderThan(bucket: Bucket, ageMs: number, signal?: AbortSignal): Promise<number> {
  const request: RequestOptions = signal ? { abortSignal: signal } : {};
  const nowMs = agreedTime("the server of ARTIFACTS_URL", await serverTime(bucket, request), Date.now());
  await abortUploads(bucket, nowMs - ABANDONED_MS, request);
  let removed = 0;
  let old: string[] = [];
  const flush = async (): Promise<void> => {
    removed += await removeKeys(bucket, old, request);
    old = [];
  };
  for await (const { key, writtenMs } of objectsBefore(bucket, nowMs - ageMs, request)) {
    if (writtenMs < nowMs - ageMs) old.push(key);
    if (old.length === DELETED_AT_ONCE) await flush();
  }
  await flush();
  return removed;
}

/** The `Date` of a response (RFC 9110, 6.6.1), epoch ms; NaN if there is none. */
async function serverTime({ client, s3, name }: Bucket, request: RequestOptions): Promise<number> {
  const command = new s3.HeadBucketCommand({ Bucket: name });
  let date = "";
  command.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      date = (answer.response as { headers?: { date?: string } }).headers?.date ?? "";
      return answer;
    },
    // before the status is checked, because an error response has a time as well
    { step: "deserialize", priority: "low" },
  );
  await client.send(command, request).catch((thrown: unknown) => {
    if (date === "") throw thrown;
  });
  return Date.parse(date);
}

/**
 * The objects of jobs that were accepted before a time (epoch ms), in order. Objects that are not artifacts of a job
 * are skipped.
 */
async function* objectsBefore(
  { client, s3, name, prefix }: Bucket,
  beforeMs: number,
  request: RequestOptions,
): AsyncGenerator<{ readonly key: string; readonly writtenMs: number }> {
  for await (const { Contents = [] } of s3.paginateListObjectsV2(
    { client },
    { Bucket: name, Prefix: prefix },
    request,
  )) {
    for (const { Key: key = "", LastModified } of Contents) {
      const [jobId = ""] = key.slice(prefix.length).split("/");
      if (!isId(jobId)) continue;
      if (timeOfId(jobId) >= beforeMs) return;
      if (LastModified) yield { key, writtenMs: LastModified.getTime() };
    }
  }
}

/** Removes all artifacts of a job. @throws CodedError 503 if the server kept some */
export async function removeJob(bucket: Bucket, jobId: string): Promise<void> {
  if (!isId(jobId)) return;
  const { client, s3, name, prefix } = bucket;
  const pages = s3.paginateListObjectsV2({ client }, { Bucket: name, Prefix: `${prefix}${jobId}/` });
  for await (const { Contents = [] } of pages) {
    const keys = Contents.flatMap(({ Key }) => Key ?? []);
    if ((await removeKeys(bucket, keys, {})) < keys.length)
      throw new CodedError("store_unavailable", 503, "The artifact store did not remove all artifacts of the job.", {
        retryAfterMs: 2_000,
      });
  }
}

async function removeKeys(
  { client, s3, name }: Bucket,
  keys: readonly string[],
  request: RequestOptions,
): Promise<number> {
  if (keys.length === 0) return 0;
  const { Errors = [] } = await client.send(
    new s3.DeleteObjectsCommand({ Bucket: name, Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true } }),
    request,
  );
  return keys.length - Errors.length; // the next removal tries these again
}

async function abortUploads(
  { client, s3, name, prefix }: Bucket,
  beforeMs: number,
  request: RequestOptions,
): Promise<void> {
  const { Uploads = [] } = await client
    .send(new s3.ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix }), request)
    .catch((thrown: unknown) => {
      if ((thrown as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 501)
        return { Uploads: [] }; // some S3-compatible servers cannot list uploads
      throw thrown;
    });
  for (const { Key, UploadId, Initiated } of Uploads) {
    if (!Key || !UploadId || !Initiated || Initiated.getTime() >= beforeMs) continue;
    await client.send(new s3.AbortMultipartUploadCommand({ Bucket: name, Key, UploadId }), request);
  }
}
