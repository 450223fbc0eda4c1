/** What runs inside a thread that parses and checks large bodies. */
import { Piscina, workerData } from "piscina";
import type { ParsedBody } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import { isLarge } from "../core/payload.ts";
import { loadRegistry } from "../registry.ts";
import type { BodyOrder } from "./body-threads.ts";
import type { ThreadData } from "./threads.ts";

const registry = await loadRegistry(workerData as ThreadData);

export default function parse({ task, begunAt }: BodyOrder): ParsedBody {
  Atomics.store(begunAt, 0, process.hrtime.bigint());
  const parsed = parseBody(task, registry.get);
  const buffers = "submissions" in parsed ? parsed.submissions.flatMap(({ payload }) => (isLarge(payload) && payload.data ? [payload.data.buffer as ArrayBuffer] : [])) : [];
  if (buffers.length === 0) return parsed;
  return Piscina.move({ [Piscina.transferableSymbol]: buffers, [Piscina.valueSymbol]: parsed } as never) as unknown as ParsedBody; // large payloads move, all else is copied
}
