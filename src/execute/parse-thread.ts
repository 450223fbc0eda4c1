/** The code of a thread that parses and checks large bodies, and resolves the references in large payloads. */
import { Piscina, workerData } from "piscina";
import type { ParsedBody } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import type { Reference, ReferenceScope } from "../core/flows/reference.ts";
import { referencesOf } from "../core/flows/references.ts";
import { isLarge } from "../core/payload.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { printWarnings } from "../observability/console-output.ts";
import { collectGarbage, freeBuffer } from "../process/free-memory.ts";
import type { BodyOrder } from "./body-threads.ts";
import type { ReferenceTask } from "./resolve-references.ts";
import type { ResolvedPayload } from "./resolved-payload.ts";
import { resolvedPayload } from "./resolved-payload.ts";
import type { ThreadData } from "./threads.ts";

/** A larger body takes 20 ms and more to parse, compared to which the collection of its garbage costs little. */
const COLLECTED_BYTES = 1024 * 1024;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

printWarnings();
const registry = await loadRegistry(workerData as ThreadData);

export default function parse({ task, begunAt }: BodyOrder): ParsedBody {
  Atomics.store(begunAt, 0, process.hrtime.bigint());
  const parsed = parseBody(task, registry.get);
  const buffers =
    "submissions" in parsed
      ? parsed.submissions.flatMap(({ payload }) =>
          isLarge(payload) && payload.data ? [payload.data.buffer as ArrayBuffer] : [],
        )
      : [];
  const { bytes } = task;
  if (bytes.length > COLLECTED_BYTES) {
    freeBuffer(bytes as Uint8Array<ArrayBuffer>);
    collectGarbage();
  }
  if (buffers.length === 0) return parsed;
  return Piscina.move({
    [Piscina.transferableSymbol]: buffers,
    [Piscina.valueSymbol]: parsed,
  } as never) as unknown as ParsedBody; // large payloads move, the rest is copied
}

export function references({
  task,
  begunAt,
}: BodyOrder<{ readonly bytes: Uint8Array; readonly scope: ReferenceScope }>): readonly Reference[] {
  Atomics.store(begunAt, 0, process.hrtime.bigint());
  return referencesOf(decoder.decode(task.bytes), task.scope).references;
}

export function resolve({ task, begunAt }: BodyOrder<ReferenceTask>): ResolvedPayload<Uint8Array> {
  Atomics.store(begunAt, 0, process.hrtime.bigint());
  const { bytes, type: name, ...rest } = task;
  const type = registry.get(name);
  if (!type) throw new Error(`no job type ${name} on this thread`);
  const resolved = resolvedPayload({ ...rest, text: decoder.decode(bytes) }, type);
  return "code" in resolved ? resolved : { json: encoder.encode(resolved.json) };
}
