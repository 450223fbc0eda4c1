/** How much memory this process may use, and who may hold how much of it. */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const MIB = 1024 * 1024;

/** The least of the machine's memory, the container's limit (a cgroup's), and the limit of V8's heap (`--max-old-space-size`); bytes. */
export function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return Math.min(
    totalmem(),
    constrained > 0 ? constrained : Number.POSITIVE_INFINITY,
    getHeapStatistics().heap_size_limit,
  );
}

export interface MemoryShares {
  /** Bodies of requests that are not answered yet. */
  readonly bodies: number;
  /** Large payloads of jobs that run. Each takes about four times its size: as bytes, as a text, as a value, and in what is made of it. */
  readonly payloads: number;
  /** Attachments that were fetched and are not sent yet. */
  readonly attachments: number;
  /** JavaScript heap of one thread that runs attempts or tasks: as much as a parsed payload of 16 MiB may need, and no more garbage beside it than there is room for. */
  readonly threadHeap: number;
}

/** What each may hold, in bytes, of a process that may use `limit`: all of it with 2.5 GB and more, in proportion below that. */
export function memoryShares(limit = memoryLimit()): MemoryShares {
  const share = (part: number, most: number): number => Math.max(16 * MIB, Math.min(most, Math.floor(limit / part)));
  return {
    bodies: share(5, 256 * MIB),
    payloads: share(10, 256 * MIB),
    attachments: share(10, 128 * MIB),
    threadHeap: Math.max(256 * MIB, share(2, 512 * MIB)),
  };
}
