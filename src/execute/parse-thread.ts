/** What runs inside a thread that parses and checks large bodies. */
import { workerData } from "piscina";
import type { ParsedBody } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import { loadRegistry } from "../registry.ts";
import type { BodyOrder } from "./body-threads.ts";
import type { ThreadData } from "./threads.ts";

const registry = await loadRegistry(workerData as ThreadData);

export default function parse({ task, begunAt }: BodyOrder): ParsedBody {
  Atomics.store(begunAt, 0, process.hrtime.bigint());
  return parseBody(task, registry.get);
}
