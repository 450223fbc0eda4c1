import type { Submitted } from "./enqueuer.ts";
import type { Queue } from "./queue.ts";

/**
 * Enqueues, and resolves when the jobs are in Redis.
 * @throws CodedError when they are not, or when that is unknown
 */
export function enqueued(queue: Pick<Queue, "enqueue">, submitted: Submitted): Promise<void> {
  return new Promise((resolve, reject) => {
    queue.enqueue(submitted, (answer) => {
      if (answer.kind === "failed") reject(answer.error);
      else resolve();
    });
  });
}
