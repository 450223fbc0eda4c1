/** How much memory this process may use, and how it is shared among its parts. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const MIB = 1024 * 1024;

/** The limit that the container (a cgroup) sets, in bytes; undefined without one. */
export function containerLimit(): number | undefined {
  const constrained = process.constrainedMemory();
  // A cgroup without a limit reports none, or a number far beyond the machine's memory.
  return constrained > 0 && constrained <= totalmem() ? constrained : undefined;
}

/**
 * The least of the machine's memory, the container's limit (a cgroup's), and the limit of V8's heap
 * (`--max-old-space-size`); bytes.
 */
function memoryLimit(): number {
  return Math.min(totalmem(), containerLimit() ?? Number.POSITIVE_INFINITY, getHeapStatistics().heap_size_limit);
}

export interface MemoryShares {
  /** Bodies of unanswered requests. */
  readonly bodies: number;
  /**
   * Large payloads of running jobs. Each takes about four times its size: as bytes, as JSON, as a value, and as the
   * handler's data.
   */
  readonly payloads: number;
  /** Fetched attachments that are not sent yet. */
  readonly attachments: number;
  /**
   * JavaScript heap of one thread that runs attempts or tasks: enough for a parsed payload of 16 MiB, with little room
   * for garbage beside it.
   */
  readonly threadHeap: number;
}

/**
 * The share of each part, in bytes, of a process that may use `limit`: all of it with 2.5 GB and more, in proportion
 * below that.
 */
export function memoryShares(limit = memoryLimit()): MemoryShares {
  const share = (part: number, most: number): number => Math.max(16 * MIB, Math.min(most, Math.floor(limit / part)));
  return {
    bodies: share(5, 256 * MIB),
    payloads: share(10, 256 * MIB),
    attachments: share(10, 128 * MIB),
    threadHeap: Math.max(256 * MIB, share(2, 512 * MIB)),
  };
}
