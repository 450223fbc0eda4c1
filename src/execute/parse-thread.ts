/** What runs inside the thread that parses and checks large bodies. */
import { workerData } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import { parseBody } from "../core/body.ts";
import { loadRegistry } from "../registry.ts";
import type { ThreadData } from "./threads.ts";

const registry = await loadRegistry({ jobsDir: (workerData as ThreadData).jobsDir });

export default function parse(task: BodyTask): ParsedBody {
  return parseBody(task, (type) => registry.get(type));
}
