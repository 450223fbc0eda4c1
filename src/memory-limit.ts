/** How much memory this process may use. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const MIB = 1024 * 1024;

/** The least of the machine's memory, the container's limit (a cgroup's), and the limit of V8's heap (`--max-old-space-size`); bytes. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return Math.min(totalmem(), constrained > 0 ? constrained : Number.POSITIVE_INFINITY, getHeapStatistics().heap_size_limit);
}

/** A job with a large payload takes about four times its size while it runs: as bytes, as a text, as a value, and in what is made of it. */
const PAYLOAD_SHARE = 1 / 10;

/** Bytes of the large payloads that may be in memory at once, where PAYLOAD_MEMORY_MB does not say. */
export function defaultPayloadBytes(limit = memoryLimit()): number {
  return Math.min(256 * MIB, Math.max(16 * MIB, Math.floor(limit * PAYLOAD_SHARE)));
}
