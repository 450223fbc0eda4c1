/**
 * Resolves the references in the payload of a job, when it is about to run: what it takes from the results of other
 * jobs of its flow. The payload is then checked as one that was submitted. Large payloads are resolved on a thread.
 */
import type { FlowMember } from "../core/flows/flow.ts";
import type { Reference, ReferenceScope } from "../core/flows/reference.ts";
import type { KeptValue } from "../core/flows/references.ts";
import { referencesOf } from "../core/flows/references.ts";
import type { Submission } from "../core/job.ts";
import { dataOf, isLarge, largePayload, payloadOf, wholePayload } from "../core/payload.ts";
import type { AttemptEnd } from "../core/settle.ts";
import type { JobType } from "../jobs/registry.ts";
import { MAIN_THREAD_BYTES } from "./io-threads.ts";
import type { ReferringPayload, ResolvedPayload } from "./resolved-payload.ts";
import { resolvedPayload } from "./resolved-payload.ts";

/** The job with the payload that runs, or how its attempt ends because there is none. */
type Resolution<Given> = { readonly job: Given } | { readonly end: AttemptEnd };

/** Rejects if Redis or Postgres does not answer. */
export type ResolveReferences = <Given extends Submission & { readonly id: string }>(
  job: Given,
) => Promise<Resolution<Given>>;

/** The results of the jobs of flows. */
export interface FlowResults {
  /** The names that references of a flow's jobs may have; undefined if there is no such flow. */
  readonly scope: (flow: FlowMember) => Promise<ReferenceScope | undefined>;
  /** What the references mean, by `keyOf` (resolved-payload.ts). */
  readonly kept: (flow: FlowMember, references: readonly Reference[]) => Promise<ReadonlyMap<string, KeptValue>>;
}

/** The work on a large payload that a thread does. The bytes move to the thread. */
export interface ReferenceTask extends Omit<ReferringPayload, "text"> {
  readonly bytes: Uint8Array;
  readonly type: string;
}

export interface ReferenceThreads {
  references(bytes: Uint8Array, scope: ReferenceScope): Promise<readonly Reference[]>;
  resolve(task: ReferenceTask): Promise<ResolvedPayload<Uint8Array>>;
}

export interface ReferenceResolverParts {
  readonly results: FlowResults;
  /** The bytes of a job's large payload; undefined if they are missing. */
  readonly payload: (id: string, size: number) => Promise<Uint8Array | undefined>;
  readonly typeOf: (type: string) => JobType | undefined;
  /** The largest payload of a type that does not allow more, in bytes. */
  readonly maxBodyBytes: number;
  readonly threads: ReferenceThreads;
}

const decoder = new TextDecoder();

export function referenceResolver(parts: ReferenceResolverParts): ResolveReferences {
  return async (job) => {
    const { flow } = job.options;
    const type = parts.typeOf(job.type);
    if (!flow || !type) return { job };
    const payload = await wholePayload(job.payload, (size) => parts.payload(job.id, size));
    if (payload === undefined) return ended("unreadable", "its payload is missing in Redis");
    const scope = await parts.results.scope(flow);
    if (!scope) return ended("reference_missing", `the flow ${flow.id} is neither in Redis nor in Postgres`);
    const maxBytes = Math.max(parts.maxBodyBytes, type.maxBodyBytes);
    const given = { flow, scope, type, maxBytes };
    const text = isLarge(payload) ? decoder.decode(dataOf(payload)) : payload;
    const resolved = isLarge(payload)
      ? await resolvedOnThread(parts, given, dataOf(payload))
      : await resolvedFrom(parts, given, payload);
    if ("code" in resolved) return ended(resolved.code, resolved.message);
    const { json } = resolved;
    const options = { ...job.options, template: text };
    return { job: { ...job, options, payload: typeof json === "string" ? payloadOf(json) : largePayload(json) } };
  };
}

interface Given extends Omit<ReferringPayload, "text" | "kept"> {
  readonly flow: FlowMember;
  readonly type: JobType;
}

async function resolvedFrom(
  parts: ReferenceResolverParts,
  given: Given,
  text: string,
): Promise<ResolvedPayload<string | Uint8Array>> {
  const { flow, scope, type, maxBytes } = given;
  const kept = await parts.results.kept(flow, referencesOf(text, scope).references);
  let length = text.length;
  for (const value of kept.values()) if (typeof value === "object") length += value.json.length;
  return length > MAIN_THREAD_BYTES
    ? resolvedOnThread(parts, given, Buffer.from(text), kept)
    : resolvedPayload({ text, scope, kept, maxBytes }, type);
}

async function resolvedOnThread(
  { threads, results }: ReferenceResolverParts,
  { flow, scope, type, maxBytes }: Given,
  data: Uint8Array,
  known?: ReadonlyMap<string, KeptValue>,
): Promise<ResolvedPayload<Uint8Array>> {
  const kept = known ?? (await results.kept(flow, await threads.references(Uint8Array.from(data), scope)));
  return threads.resolve({ bytes: Uint8Array.from(data), scope, kept, maxBytes, type: type.type });
}

function ended(code: string, message: string): { readonly end: AttemptEnd } {
  return { end: { kind: "threw", code, message, isPermanent: true } };
}
