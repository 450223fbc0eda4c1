/** Jobs to be submitted: their types, their JSON, and batches of them. */
import type { AcceptedJob, JobOptions, Payloads } from "./contract.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import type { JsonCodec } from "./transport.ts";
import { wireOf } from "./wire.ts";

const MAX_BATCH_JOBS = 10_000;
/** The default of MAX_BATCH_BYTES; what stands around the jobs included. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024 - 64;

/** The payload of a type: of one that comes with TaskFlow as it is there, of any other an object. */
export type PayloadOf<Type extends string> = Type extends keyof Payloads ? Payloads[Type] : object;

export type Submission<Type extends string = string> = JobOptions & {
  readonly type: Type;
  readonly payload: PayloadOf<Type>;
};

export function submissionJson(
  { type, payload, ...options }: Submission,
  { stringify }: Pick<JsonCodec, "stringify"> = JSON,
): string {
  return stringify({ type, payload, ...wireOf(options) });
}

export interface Batch {
  /** The index of its first job among all. */
  readonly offset: number;
  readonly body: string;
}

/** The bodies of as few batches as hold all jobs. One job that is larger than a batch may be stands alone, for the server to refuse. */
export async function* batchesOf(
  jobs: Iterable<Submission> | AsyncIterable<Submission>,
  codec: Pick<JsonCodec, "stringify"> = JSON,
): AsyncGenerator<Batch, void> {
  const encoder = new TextEncoder();
  let [offset, bytes, texts]: [number, number, string[]] = [0, 0, []];
  for await (const job of jobs) {
    const text = submissionJson(job, codec);
    const size = encoder.encode(text).length + 1;
    if (texts.length > 0 && (texts.length >= MAX_BATCH_JOBS || bytes + size > MAX_BATCH_BYTES)) {
      yield { offset, body: bodyOf(texts) };
      [offset, bytes, texts] = [offset + texts.length, 0, []];
    }
    texts.push(text);
    bytes += size;
  }
  if (texts.length > 0) yield { offset, body: bodyOf(texts) };
}

/** The error of one batch as that of all jobs: the paths of its faults count from the first of all. @param accepted those of the batches before */
export function errorOfBatch(
  { code, status, message, errors, retryAfterMs, id, cause }: TaskFlowError,
  offset: number,
  accepted: readonly AcceptedJob[],
): TaskFlowError {
  const moved = errors.map((fieldError) => ({
    ...fieldError,
    path: fieldError.path.replace(/^\/jobs\/(\d+)/, (_, index: string) => `/jobs/${Number(index) + offset}`),
  }));
  return new TaskFlowError(code, status, message, { errors: moved, retryAfterMs, id, accepted, cause });
}

function bodyOf(texts: readonly string[]): string {
  return `{"jobs":[${texts.join(",")}]}`;
}
