/** The code of a thread that parses and checks large bodies. */
import { Piscina, workerData } from "piscina";
import type { ParsedBody } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import { isLarge } from "../core/payload.ts";
import { loadRegistry } from "../jobs/registry.ts";
import { printWarnings } from "../observability/console-output.ts";
import { collectGarbage, freeBuffer } from "../process/free-memory.ts";
import type { BodyOrder } from "./body-threads.ts";
import type { ThreadData } from "./threads.ts";

/** A larger body takes 20 ms and more to parse, compared to which the collection of its garbage costs little. */
const COLLECTED_BYTES = 1024 * 1024;

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
